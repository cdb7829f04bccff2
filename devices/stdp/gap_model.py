"""A filament with a gap: oxide memory whose conductance falls exponentially with the gap's length.

Chen & Yu, IEEE Trans. Electron Devices (2015), with the numbers of the Memristor-Spikelearn simulator.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

_BOLTZMANN = 8.617333e-5  # [eV/K]
_NM = 1e-9


@final
@dataclass(frozen=True, kw_only=True)
class GapModel:
    """Ions hop into and out of the gap g, helped or hindered by the field:

        dg/dt = -v0 [exp(-E_grow / kT) exp(u) - exp(-E_shrink / kT) exp(-u)],   u = gamma(g) a0 V / (L kT)
        gamma(g) = 16.5 - 1.25 (g / 1 nm)^3,   I = i0 exp(-g / g0) sinh(V / v_read0)

    Positive voltages close the gap, within g_min .. g_max. There is no threshold, but at 300 K and g = 1 nm
    a tenth of a volt is a factor of 19: 1.4 V moves the gap by 7.8 um/s, 1.0 V by 59 pm/s, 0.7 V not at all.
    The weight is the conductance at `v_read`. Identical pulses change it by dG = -(G / g0) dg, in proportion
    to G: its STDP is multiplicative. Depression fades towards small weights; potentiation has no soft bound,
    it grows with the weight until g_min stops it. ValueError with the field.
    """

    temperature: float = 300.0  #: [K]; the simulator has 350
    start: float = 1e-9  #: gap before a spike pair [m]
    velocity: float = 150.0  #: v0 [m/s]
    e_grow: float = 1.501  #: activation energy of the filament's growth, Eag [eV]
    e_shrink: float = 1.5  #: activation energy of its dissolution, Ear [eV]
    hop: float = 0.25e-9  #: a0 [m]
    oxide: float = 5e-9  #: L [m]
    gamma0: float = 16.5  #: field enhancement without a gap [1]
    gamma3: float = 1.25  #: its fall with the cube of the gap in nm [1]
    g_min: float = 0.1e-9  #: [m]
    g_max: float = 1.7e-9  #: [m]
    i0: float = 61.4e-6  #: [A]
    g0: float = 0.27505e-9  #: [m]
    v_read0: float = 0.43  #: [V]
    v_read: float = 0.1  #: [V]

    v_th: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.g_min < self.g_max <= self.oxide:
            raise ValueError(
                f"g_min = {self.g_min:g} m and g_max = {self.g_max:g} m: 0 < g_min < g_max <= oxide ="
                f" {self.oxide:g} m is needed; did you pass nanometres?"
            )
        if not self.g_min <= self.start <= self.g_max:
            raise ValueError(
                f"start = {self.start:g} m: {self.g_min:g} to {self.g_max:g} m; did you pass nanometres?"
            )
        if not 200.0 <= self.temperature <= 600.0:
            raise ValueError(f"temperature = {self.temperature:g} K: 200 to 600 K; did you pass Celsius?")

    def rate(self, v: np.ndarray, x: np.ndarray) -> np.ndarray:
        """dg/dt [m/s] at voltages v [V] and gaps x [m]; zero where it would leave g_min .. g_max."""
        gap = np.clip(x, self.g_min, self.g_max)
        kt = _BOLTZMANN * self.temperature
        u = (self.gamma0 - self.gamma3 * (gap / _NM) ** 3) * self.hop * v / (self.oxide * kt)
        rate = self.velocity * (np.exp(-self.e_shrink / kt - u) - np.exp(-self.e_grow / kt + u))
        stopped = (rate < 0) & (x <= self.g_min) | (rate > 0) & (x >= self.g_max)
        return np.where(stopped, 0.0, rate)

    def current(self, v: np.ndarray, x: np.ndarray) -> np.ndarray:
        """I [A] at voltages v [V] and gaps x [m]."""
        return self.i0 * np.exp(-x / self.g0) * np.sinh(v / self.v_read0)

    def weight(self, x: np.ndarray) -> np.ndarray:
        """Return the conductance [S] at v_read of gaps x [m]."""
        return self.current(np.asarray(self.v_read), np.clip(x, self.g_min, self.g_max)) / self.v_read
