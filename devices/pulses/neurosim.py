"""The exponential curve of NeuroSim and the devices of its manual: FeFET, ReRAM and PCM in siemens.

Source: Chen, Peng & Yu, IEEE TCAD 37, 3067 (2018); NeuroSim V3.0 and its manual, Table II (32 nm).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, expm1, log, log1p, sqrt
from typing import Any, ClassVar, final

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from memsim.devices.cell import Description
from memsim.devices.check import check
from memsim.devices.numerics.stream import Stream
from memsim.devices.pulses.affine import rows_of
from memsim.devices.pulses.affine_maps import HARD, TAIL, rewrite
from memsim.devices.pulses.pulsed import KernelCell
from memsim.devices.pulses.writes import Writes


@final
@dataclass(frozen=True, kw_only=True)
class NeuroSimCell(KernelCell):
    """The curve G(P) is exponential in the pulse position P, one curve up and one down:

        G = G_min + B (1 - exp(-P / A)),  B = (G_max - G_min) / (1 - exp(-levels / A))
        up    P <- P + 1, down  P <- P - 1 along the curve of that side, then
        G <- clip(G + c2c (G_max - G_min) xi, G_min, G_max)

    which is an affine map for each pulse: with a = 1 - exp(-+1 / A), G <- G + a (G_min + B - G). Several
    pulses are taken at once as in :class:`memsim.devices.pulses.affine.AffineCell`; NeuroSim itself adds the
    noise of n pulses in one go after them, sqrt(n) wide. A / levels follows from a label, see
    :func:`curvature`. Devices are all alike: the source gives no spread over devices.
    """

    g_max: float  #: highest conductance, 1 / R_on [S]
    on_off: float  #: g_max / g_min [1]
    levels: int  #: pulses from one end to the other
    up: float  #: nonlinearity label of the up curve, -9 to 9 [1]
    down: float  #: of the down curve [1]
    c2c: float  #: cycle-to-cycle noise of a pulse, relative to g_max - g_min [1]

    unit: str = "S"
    effects: ClassVar[tuple[str, ...]] = ("cycle-noise", "reset-noise")

    def __post_init__(self) -> None:
        super().__post_init__()
        check(
            self, self.name, g_max=(1e-12, 1e-2), on_off=(1.01, 1e6), levels=(2, 10_000), up=(-9, 9),
            down=(-9, 9), c2c=(0, 1),
        )  # fmt: skip

    @property
    def g_min(self) -> float:
        """Lowest conductance [S]."""
        return self.g_max / self.on_off

    @property
    def reset_spread(self) -> float:
        return self.strength("reset-noise") * self.c2c * (self.g_max - self.g_min)

    def describe(self) -> Description:
        return self._description(states=float(self.levels), low=self.g_min, high=self.g_max)

    def _values(self, shape: Sequence[int], rng: Stream) -> dict[str, Tensor]:
        ones = torch.ones((*rng.keys.shape, *shape))
        return {"max_bound": self.g_max * ones, "min_bound": self.g_min * ones}

    def _constants(self, values: dict[str, Tensor]) -> list[Tensor]:
        high, low = values["max_bound"], values["min_bound"]
        reach = high.double() - low.double()
        rows = []
        for label, sign in ((self.up, 1.0), (self.down, -1.0)):
            A = self.levels * curvature(label)
            a = torch.full_like(reach, -expm1(-sign / A))
            virtual = low.double() + reach / -expm1(-self.levels / A)
            rows += rows_of(HARD, a * virtual, a, reach)
        return [row.float() for row in (*rows, high, low, torch.zeros_like(high), (high + low) / 2)]

    def _evolve(self, packed: Tensor, writes: Writes, *, visible: bool) -> Tensor:
        cycle, reset = self.strength("cycle-noise") * self.c2c, self.reset_spread
        return rewrite(packed, writes, np.float32(reset), np.float32(0.0), np.float32(cycle), HARD, TAIL)  # type: ignore[arg-type]


def curvature(label: float) -> float:
    """Return A / levels of NeuroSim's nonlinearity label (-9 to 9), its sign the label's.

    The label counts 0.07 of the largest distance between the curve, on the unit square, and the diagonal:
    max over x of [(1 - exp(-x / A)) / (1 - exp(-1 / A)) - x] = 0.07 sqrt(2) label. Found from the table of
    its source, which it meets to six digits. A positive label makes steps small near G_max, both ways; that
    of a down curve is negative where its steps are small near G_min. Raises ValueError beyond 9.
    """
    if not abs(label) <= 9.0:
        raise ValueError(f"nonlinearity label {label:g}: -9 to 9 is allowed")
    wanted = 0.07 * sqrt(2.0) * max(abs(label), 1e-3)

    def excess(log_A: float) -> float:
        A = exp(log_A)
        full = -expm1(-1.0 / A)
        x = -A * log(A * full)  # where the slope is 1
        return -expm1(-x / A) / full - x - wanted

    A: Any = brentq(excess, log(0.01), log(2000.0), xtol=1e-12)
    return (1.0 if label >= 0 else -1.0) * exp(A)


#: technology, device and paper, R_on [ohm], on/off, levels, label up, label down, cycle noise [% of range],
#: voltage [V] and length [s] of a pulse up
_TABLE: dict[str, tuple[str, str, float, float, int, float, float, float, float, float]] = {
    "fefet-jerry2017": (
        "FeFET", "HZO, Jerry et al., IEDM 2017", 559e3, 45.0, 32, 1.75, 1.46, 0.5, 3.65, 75e-9
    ),
    "pcm-kuzum2011": (
        "PCM", "GST, Kuzum et al., Nano Lett. 2012", 4.71e3, 19.8, 100, 0.105, 2.4, 1.5, 0.7, 6e-6
    ),
    "reram-choi2018": (
        "ReRAM", "SiGe, Choi et al., Nat. Mater. 2018", 81e3, 50.2, 64, 0.5, -0.5, 2.0, 5.0, 5e-6
    ),
    "reram-jo2010": (
        "ReRAM", "Ag:a-Si, Jo et al., Nano Lett. 2010", 26e6, 12.5, 97, 2.4, -4.88, 3.5, 3.2, 300e-6
    ),
    "reram-park2013": (
        "ReRAM", "PCMO, Park et al., IEDM 2013", 23e6, 6.84, 50, 3.68, -6.76, 1.0, -2.0, 1e-3
    ),
    "reram-woo2016": (
        "ReRAM", "AlOx/HfO2, Woo et al., EDL 2016", 16.9e3, 4.43, 40, 1.94, -0.61, 5.0, 0.9, 100e-6
    ),
    "reram-wu2018": (
        "ReRAM", "TaOx/HfOx, Wu et al., VLSI 2018", 100e3, 10.0, 128, 0.04, -0.63, 3.7, 1.6, 50e-9
    ),
}  # fmt: skip


def preset(name: str, **changes: Any) -> NeuroSimCell:
    """Return a device of the manual's table.

    A noise given as below 1 or .5 % is taken at that limit, 100-120 levels as 100. n_max leads from the
    middle of the range, where a reset leaves the device, to the nearer end. The middle, and a reset as
    accurate as one pulse, are ASSUMPTIONS: the table has no reset.
    """
    technology, paper, r_on, on_off, levels, up, down, noise, voltage, time = _TABLE[name]
    way_up = levels - _position(0.5, levels * curvature(up), levels)
    way_down = _position(0.5, levels * curvature(down), levels)
    numbers: dict[str, Any] = {
        "name": name, "technology": technology, "n_max": int(min(way_up, way_down)), "g_max": 1.0 / r_on,
        "source": f"{paper}, as in NeuroSim V3.0 (Chen et al. 2018); reset assumed", "on_off": on_off,
        "levels": levels, "up": up, "down": down, "c2c": noise / 100.0, "pulse_voltage": voltage,
        "pulse_time": time,
    }  # fmt: skip
    return NeuroSimCell(**(numbers | changes))


def _position(height: float, A: float, levels: int) -> float:
    """Return pulses from G_min to a relative height of the range along one curve."""
    return -A * log1p(height * expm1(-levels / A))
