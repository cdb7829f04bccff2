"""The ``[weight]`` table of a device card: a cell written once to a target, that then ages."""

from __future__ import annotations

from pydantic import Field, model_validator

from memsim.devices.card_fields import siemens, within
from memsim.devices.toml_file import Section


class WeightSection(Section):
    """A cell written once to a target conductance G, x = G / g_max, that then ages; t in seconds since then.

    write  G_P = max(0, G + (c0 + c1 x + c2 x^2 + ...) xi)
    drift  G_P ((t + t_0) / t_0)^-nu,  nu = abs(drift_exponent + drift_exponent_spread xi), fixed for a device
    relax  + a ln t + (b ln t + c) xi,  one xi for each device, from 1 s on
    read   (1 + Q B(t)), B of the spectrum 1/f, with variance ln((t + t_0 + t_read) / (2 t_read))
           I = G v_ref sinh(V / v_0) / sinh(v_ref / v_0)
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
    v_ref: float = Field(default=0.2, alias="v_ref [V]", gt=1e-3, lt=10)
    """Voltage at which conductances are stated [V]."""

    @property
    def ideal_parts(self) -> tuple[str, ...]:
        """What no number is given of."""
        relaxes = self.relaxation or self.relaxation_spread or self.relaxation_spread_1s
        there = {
            "error of programming": any(self.programming),
            "drift or relaxation": self.drift_exponent or self.drift_exponent_spread or relaxes,
            "low-frequency noise": self.flicker_noise,
            "read noise": self.read_noise,
            "bend of the I-V curve": self.v_0,
        }
        return tuple(part for part, value in there.items() if not value)

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
        usual, drifts = type(self).model_fields, self.drift_exponent or self.drift_exponent_spread
        if self.t_0 != usual["t_0"].default and not (drifts or self.flicker_noise):
            raise ValueError("t_0 [s] has no effect without a drift_exponent or flicker_noise")
        if self.t_read != usual["t_read"].default and not self.flicker_noise:
            raise ValueError("t_read [s] has no effect without flicker_noise")
        if self.v_ref != usual["v_ref"].default and self.v_0 is None:
            raise ValueError("v_ref [V] has no effect without v_0 [V]")
        relaxations = ("relaxation", "relaxation_spread", "relaxation_spread_1s")
        within(self, -self.g_max, self.g_max, "g_max, either way", *relaxations)
        return self
