"""The ``[weight]`` table of a device card: a cell written once to a target, that then ages."""

from __future__ import annotations

from pydantic import Field, model_validator

from memsim.devices.card_fields import siemens, within
from memsim.devices.check import HIGHEST, LOWEST
from memsim.devices.toml_file import Section


class WeightSection(Section):
    """A cell written once to a target conductance G, x = G / g_max, that then ages; t in seconds since then.

    write  G_P = max(0, G + (c0 + c1 x + c2 x^2 + ...) xi)
    drift  G_P ((t + t_0) / t_0)^-nu,  nu = abs(drift_exponent + drift_exponent_spread xi), fixed for a device
    relax  + a ln t + (b ln t + c) xi,  one xi for each device, from 1 s on
    read   (1 + Q B(t)), B of the spectrum 1/f, with variance ln((t + t_0 + t_read) / (2 t_read))
           I = G v_ref sinh(V / v_0) / sinh(v_ref / v_0), or
           I = G (V + iv_cube V^3) / (1 + iv_cube v_ref^2)

    At a chip's temperature T, other than the card's T_0, drift and relaxation run exp(E_t / k (1/T_0 - 1/T))
    times as fast, and from the write on G is exp((E_G + s xi) / k (1/T_0 - 1/T)) times what it was.
    """

    g_min: float = siemens("g_min", default=0.0, ge=0)
    """Lowest conductance, and what an unused device of a pair holds [S]."""
    g_max: float = siemens("g_max", gt=1e-9)
    """Highest conductance [S]."""
    programming: tuple[float, ...] = Field(default=(), alias="programming [S]", max_length=8)
    """Spread of a write: c0, c1, c2, ... [S]."""
    drift_exponent: float = Field(default=0.0, ge=0, le=1)
    """Mean drift exponent nu [1]."""
    drift_exponent_spread: float = Field(default=0.0, ge=0, le=1)
    """Spread of nu [1]."""
    t_0: float = Field(default=1.0, alias="t_0 [s]", gt=1e-9, lt=1e9)
    """Time since the write from which drift is counted [s]."""
    relaxation: float = Field(default=0.0, alias="relaxation [S]", gt=-1e-2, lt=1e-2)
    """Change of the mean with each factor e of time, a [S]."""
    relaxation_spread: float = siemens("relaxation_spread", default=0.0, ge=0)
    """Growth of the spread with each factor e of time, b [S]."""
    relaxation_spread_1s: float = siemens("relaxation_spread_1s", default=0.0, ge=0)
    """Spread after one second, c [S]."""
    flicker_noise: float = Field(default=0.0, ge=0, le=1)
    """Low-frequency noise Q [1]."""
    t_read: float = Field(default=250e-9, alias="t_read [s]", gt=1e-12, lt=1)
    """Length of a read, where low-frequency noise begins [s]."""
    read_noise: float = Field(default=0.0, ge=0, lt=1)
    """Fresh noise of a read, of a device at g_max relative to it; it goes with the root of G [1]."""

    v_0: float | None = Field(default=None, alias="v_0 [V]", gt=1e-2, lt=100)
    """Scale V_0 of the I-V curve I = G v_ref sinh(V / V_0) / sinh(v_ref / V_0) [V]; straight where absent."""
    iv_cube: float | None = Field(default=None, alias="iv_cube [1/V^2]", gt=-1e3, lt=1e3)
    """Bend c of the I-V curve I = G (V + c V^3) / (1 + c v_ref^2) [1/V^2]; instead of v_0."""
    v_ref: float = Field(default=0.2, alias="v_ref [V]", gt=1e-3, lt=10)
    """Voltage at which conductances are stated [V]."""
    v_max: float | None = Field(default=None, alias="v_max [V]", gt=1e-3, lt=100)
    """Highest voltage the I-V curve was measured at [V]; reads above are refused."""

    time_energy: float = Field(default=0.0, alias="time_energy [eV]", ge=0, le=5)
    """Activation energy E_t of drift and relaxation: they run faster in the heat [eV]."""
    conductance_energy: float = Field(default=0.0, alias="conductance_energy [eV]", ge=-2, le=2)
    """Activation energy E_G of the conductance; below 0 of a metal, which conducts less in the heat [eV]."""
    conductance_energy_spread: float = Field(default=0.0, alias="conductance_energy_spread [eV]", ge=0, le=1)
    """Spread of E_G over devices [eV]."""
    temperature: float = Field(default=300.0, alias="temperature [K]", ge=LOWEST, le=HIGHEST)
    """Temperature T_0 that the card's numbers are of, and at which devices are written [K]."""

    @property
    def effects(self) -> tuple[str, ...]:
        """The effects of its cell."""
        there = {
            "programming": any(self.programming),
            "drift": self.drift_exponent or self.drift_exponent_spread,
            "relaxation": self.relaxes,
            "flicker-noise": self.flicker_noise,
            "read-noise": self.read_noise,
            "iv-curve": self.v_0 or self.iv_cube,
            "temperature": self.activated,
        }
        return tuple(effect for effect, value in there.items() if value)

    @property
    def ideal_parts(self) -> tuple[str, ...]:
        """What no number is given of."""
        parts = {
            "error of programming": {"programming"},
            "drift or relaxation": {"drift", "relaxation"},
            "low-frequency noise": {"flicker-noise"},
            "read noise": {"read-noise"},
            "bend of the I-V curve": {"iv-curve"},
            "change with the temperature": {"temperature"},
        }
        return tuple(part for part, effects in parts.items() if not effects & set(self.effects))

    @property
    def relaxes(self) -> bool:
        """Whether it relaxes with ln t."""
        return bool(self.relaxation or self.relaxation_spread or self.relaxation_spread_1s)

    @property
    def activated(self) -> bool:
        """Whether anything changes with the temperature."""
        return bool(self.time_energy or self.conductance_energy or self.conductance_energy_spread)

    @model_validator(mode="after")
    def _consistent(self) -> WeightSection:
        if not self.g_min < self.g_max:
            raise ValueError(
                f"g_min [S] = {self.g_min:g} and g_max [S] = {self.g_max:g}: g_min must be below; exchanged?"
            )
        for k in range(101):
            x = (self.g_min + (self.g_max - self.g_min) * k / 100) / self.g_max
            sigma = sum(c * x**power for power, c in enumerate(self.programming))
            if not -1e-9 * self.g_max <= sigma <= self.g_max:
                raise ValueError(
                    f"programming [S] = {list(self.programming)}: a spread of {sigma:.3g} S at {x:.2f} g_max;"
                    " 0 to g_max is allowed over the whole range; did you pass microsiemens?"
                )
        relaxes = self.relaxes
        usual, drifts = type(self).model_fields, self.drift_exponent or self.drift_exponent_spread
        if self.t_0 != usual["t_0"].default and not (drifts or self.flicker_noise):
            raise ValueError("t_0 [s] has no effect without a drift_exponent or flicker_noise")
        if self.t_read != usual["t_read"].default and not self.flicker_noise:
            raise ValueError("t_read [s] has no effect without flicker_noise")
        self._check_curve()
        if self.temperature != usual["temperature"].default and not self.activated:
            raise ValueError("temperature [K] has no effect without time_energy or conductance_energy [eV]")
        if self.time_energy and not (drifts or relaxes):
            raise ValueError("time_energy [eV] has no effect without drift or relaxation")
        relaxations = ("relaxation", "relaxation_spread", "relaxation_spread_1s")
        within(self, -self.g_max, self.g_max, "g_max, either way", *relaxations)
        return self

    def _check_curve(self) -> None:
        c, straight = self.iv_cube, self.v_0 is None and self.iv_cube is None
        if straight and (self.v_max is not None or self.v_ref != type(self).model_fields["v_ref"].default):
            key = "v_ref [V]" if self.v_max is None else "v_max [V]"
            raise ValueError(f"{key} has no effect without v_0 [V] or iv_cube [1/V^2]")
        if self.v_0 is not None and c is not None:
            raise ValueError("v_0 [V] and iv_cube [1/V^2] are two I-V curves: one of them is needed")
        if c == 0:
            raise ValueError("iv_cube [1/V^2] = 0 is a straight line: leave it out")
        if self.v_max is not None and self.v_ref > self.v_max:
            raise ValueError(f"v_ref [V] = {self.v_ref:g} is above v_max [V] = {self.v_max:g}")
        top = max(self.v_ref, self.v_max or 0.0)
        if c is not None and 3 * -c * top**2 > 1:
            raise ValueError(
                f"iv_cube [1/V^2] = {c:g}: the current falls from {(-3 * c) ** -0.5:.3g} V on, below v_ref"
                f" or v_max [V] = {top:g}"
            )
