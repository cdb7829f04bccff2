"""A device card: your own device in a TOML file, as a pulsed cell or as a weight cell.

name = "reram-mine"                        [pulsed]
technology = "ReRAM"                       law = "soft-bounds"
source = "where the numbers come from"     "g_max [S]" = 50e-6 ...

SI inside, units in the keys.  Unknown keys and numbers that cannot be are refused by name, with value, range
and likely slip.  ``devices.get("mine.toml")`` is the cell; a chip card takes the file as ``weights.cell`` or
``attention.cell``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from memsim.devices.toml_file import Section, read, refusal


def _siemens(name: str, **more: Any) -> Any:
    return Field(alias=f"{name} [S]", lt=1e-2, **more)


class PulsedSection(Section):
    """A cell moved by identical pulses; conductances are those of a nominal device, spreads over devices.

        up    G <- clip(G + s_up (1 - k_up (G - g_mid) / (g_max - g_mid)) (1 + c xi))
        down  G <- clip(G - s_down (1 - k_down (g_mid - G) / (g_mid - g_min)) (1 + c xi))

    k = 0 for constant steps, 1 for soft bounds, the nonlinearity between; for soft bounds g_max and g_min are
    each device's own.
    """

    law: Literal["constant", "linear", "soft-bounds"]
    """How a step changes with the conductance."""
    n_max: int = Field(ge=1, le=4096)
    """Pulses of a full write."""
    g_min: float = _siemens("g_min", ge=0)
    """Lowest conductance, where down pulses end [S]."""
    g_max: float = _siemens("g_max", gt=1e-9)
    """Highest conductance, where up pulses end [S]."""
    g_mid: float | None = _siemens("g_mid", default=None, gt=0)
    """Where the steps are stated, w = 0 in arrays [S]; the middle of g_min and g_max where absent."""
    step_up: float = _siemens("step_up", gt=0)
    """Mean step of an up pulse at g_mid [S]; the median's where log_normal_steps."""
    step_down: float = _siemens("step_down", gt=0)
    """Mean step of a down pulse at g_mid [S]; likewise."""
    nonlinearity_up: float | None = Field(default=None, ge=0, le=1)
    """Relative loss of the up step from g_mid to g_max, for the law linear [1]."""
    nonlinearity_down: float | None = Field(default=None, ge=0, le=1)
    """Relative loss of the down step from g_mid to g_min, for the law linear [1]."""
    nonlinearity_up_spread: float = Field(default=0.0, ge=0, le=1)
    """Spread of nonlinearity_up [1]."""
    nonlinearity_down_spread: float = Field(default=0.0, ge=0, le=1)
    """Spread of nonlinearity_down [1]."""
    step_spread: float = Field(default=0.0, ge=0, le=2)
    """Spread of both steps at once, relative to the larger one [1]."""
    log_normal_steps: bool = False
    """Whether that is the spread of the steps' logarithm."""
    asymmetry_spread: float = Field(default=0.0, ge=0, le=2)
    """Spread that raises one step and lowers the other, relative to the larger one [1]."""
    g_max_spread: float = _siemens("g_max_spread", default=0.0, ge=0)
    """Spread of the upper bound [S]."""
    g_min_spread: float = _siemens("g_min_spread", default=0.0, ge=0)
    """Spread of the lower bound [S]."""
    reference_spread: float = _siemens("reference_spread", default=0.0, ge=0)
    """Spread of the fixed reference devices [S]."""
    subtract_symmetry_point: bool = False
    """Whether each reference stands where its device's up and down steps are equal."""
    cycle_noise: float = Field(default=0.0, ge=0, le=100)
    """Noise of a step from pulse to pulse, relative to it [1]."""
    cycle_noise_law: Literal["relative", "constant"] = "relative"
    """Relative to the step as it is, or to the device's step at g_mid."""
    write_noise: float = _siemens("write_noise", default=0.0, ge=0)
    """Noise of the level a write leaves, new with each write, as the read noise of a pulse curve is [S]."""
    reset: float = _siemens("reset", ge=0)
    """Mean level after a reset [S]."""
    reset_noise: float = _siemens("reset_noise", default=0.0, ge=0)
    """Noise of a reset, new each time [S]."""
    reset_spread: float = _siemens("reset_spread", default=0.0, ge=0)
    """Spread of the level after a reset [S]."""
    pulse_voltage: float | None = Field(default=None, alias="pulse_voltage [V]", gt=1e-3, lt=100)
    """Height of a pulse [V]; with its length it prices a pulse, V^2 G t."""
    pulse_time: float | None = Field(default=None, alias="pulse_time [s]", gt=1e-12, lt=10)
    """Length of a pulse [s]; the chip card's where absent."""

    @property
    def middle(self) -> float:
        """Where the steps are stated [S]."""
        return (self.g_min + self.g_max) / 2 if self.g_mid is None else self.g_mid

    @model_validator(mode="after")
    def _consistent(self) -> PulsedSection:
        width = self.g_max - self.g_min
        if not 1e-6 * self.g_max < width:
            raise ValueError(
                f"g_min [S] = {self.g_min:g} and g_max [S] = {self.g_max:g}: g_min must be below; exchanged?"
            )
        edge = 1e-3 * width
        _within(self, self.g_min + edge, self.g_max - edge, "between the bounds, not on one of them", "g_mid")
        _within(self, self.g_min, self.g_max, "the bounds", "reset")
        _within(self, 1e-6 * width, width, "a millionth of the range to all of it", "step_up", "step_down")
        noises = ("reference_spread", "write_noise", "reset_noise", "reset_spread")
        _within(self, 0.0, width, "the range", "g_max_spread", "g_min_spread", *noises)
        return self._check_law()

    def _check_law(self) -> PulsedSection:
        for name in ("nonlinearity_up", "nonlinearity_down"):
            if (getattr(self, name) is None) == (self.law == "linear"):
                how = "is required by" if self.law == "linear" else "belongs to the law linear, not to"
                raise ValueError(f"{name} {how} the law {self.law}")
        if (self.reference_spread or self.subtract_symmetry_point) and self.cycle_noise_law != "constant":
            raise ValueError(
                'reference_spread [S] and subtract_symmetry_point need cycle_noise_law = "constant", as their'
                " source has it"
            )
        if self.law != "soft-bounds" and self.cycle_noise_law == "constant":
            raise ValueError('cycle_noise_law = "constant" belongs to the law soft-bounds')
        if self.law != "linear" and (self.nonlinearity_up_spread or self.nonlinearity_down_spread):
            raise ValueError(
                f"nonlinearity_up_spread and _down_spread belong to the law linear, not to {self.law}"
            )
        if self.log_normal_steps and not self.step_spread:
            raise ValueError("log_normal_steps has no effect without a step_spread")
        referenced = self.reference_spread or self.subtract_symmetry_point
        if self.cycle_noise_law == "constant" and not (self.cycle_noise or referenced):
            raise ValueError('cycle_noise_law = "constant" has no effect without cycle_noise')
        return self


class WeightSection(Section):
    """A cell written once to a target conductance G, x = G / g_max, that then ages; t in seconds since then.

    write  G_P = max(0, G + (c0 + c1 x + c2 x^2 + ...) xi)
    drift  G_P ((t + t_0) / t_0)^-nu,  nu = abs(drift_exponent + drift_exponent_spread xi), fixed for a device
    relax  + a ln t + (b ln t + c) xi,  one xi for each device, from 1 s on
    read   (1 + Q B(t)), B a random walk over ln t with variance ln((t + t_0 + t_read) / (2 t_read))
    """

    g_min: float = _siemens("g_min", default=0.0, ge=0)
    """Lowest conductance, and what an unused device of a pair holds [S]."""
    g_max: float = _siemens("g_max", gt=1e-9)
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
    relaxation_spread: float = _siemens("relaxation_spread", default=0.0, ge=0)
    """Growth of the spread with each factor e of time, b [S]."""
    relaxation_spread_1s: float = _siemens("relaxation_spread_1s", default=0.0, ge=0)
    """Spread after one second, c [S]."""
    flicker_noise: float = Field(default=0.0, ge=0, le=1)
    """Low-frequency noise Q [1]."""
    t_read: float = Field(default=250e-9, alias="t_read [s]", gt=1e-12, lt=1)
    """Length of a read, where low-frequency noise begins [s]."""
    read_noise: float = Field(default=0.0, ge=0, lt=1)
    """Fresh noise of a read, of a device at g_max relative to it; it goes with the root of G [1]."""

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
        relaxations = ("relaxation", "relaxation_spread", "relaxation_spread_1s")
        _within(self, -self.g_max, self.g_max, "g_max, either way", *relaxations)
        return self


class DeviceCard(Section):
    """A device card; ``DeviceCard.load(file)`` reads one, CardError says what cannot be used."""

    name: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$", max_length=60)
    """What it is called in tables, technology-source."""
    technology: str = Field(pattern=r"^[A-Za-z][\w/-]*$", max_length=30)
    """PCM, ReRAM, ECRAM, FeFET, ...; prices of pulses go by it."""
    source: str = Field(min_length=8)
    """Where the numbers come from."""
    endurance: float | None = Field(default=None, alias="endurance [cycles]", ge=1, lt=1e18)
    """Write cycles it lives; a published range of its technology is shown where absent."""
    pulsed: PulsedSection | None = None
    """A cell for attention arrays."""
    weight: WeightSection | None = None
    """A cell for weight arrays."""

    @model_validator(mode="after")
    def _one_use(self) -> DeviceCard:
        if (self.pulsed is None) == (self.weight is None):
            raise ValueError("a card has one table, [pulsed] or [weight]; two uses of a device are two cards")
        return self

    def __str__(self) -> str:
        return self.name

    @classmethod
    def load(cls, path: str | Path) -> DeviceCard:
        """The card in a TOML file."""
        return cls.parse(read(path, "device card"), origin=str(path))

    @classmethod
    def parse(cls, fields: Mapping[str, Any], origin: str = "device card") -> DeviceCard:
        """A card from a mapping with the keys of the TOML file."""
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            raise refusal(cls, error, origin) from None

    def fields(self) -> dict[str, Any]:
        """What the TOML file says, defaults left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def _within(
    section: PulsedSection | WeightSection, low: float, high: float, meaning: str, *names: str
) -> None:
    """Raise ValueError unless each of these conductances that is given lies in low .. high [S]."""
    for name in names:
        value = getattr(section, name)
        if value is not None and not low <= value <= high:
            raise ValueError(f"{name} [S] = {value:g}: {low:g} to {high:g} ({meaning}) is allowed")


def toml(card: DeviceCard, remarks: Mapping[str, str] | None = None) -> str:
    """The card as a TOML file, which ``DeviceCard.load`` reads back to an equal one; remarks by key."""
    fields = card.fields()
    lines = [assign(key, value) for key, value in fields.items() if not isinstance(value, dict)]
    for name, section in fields.items():
        if isinstance(section, dict):
            lines += ["", f"[{name}]"]
            for key, value in section.items():
                remark = (remarks or {}).get(key)
                lines.append(assign(key, value) + (f"  # {remark}" if remark else ""))
    return "\n".join(lines) + "\n"


def assign(key: str, value: Any) -> str:
    """One line of TOML."""
    return f"{key if re.fullmatch('[A-Za-z0-9_-]+', key) else json.dumps(key)} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(assign(key, inner) for key, inner in value.items() if inner is not None) + " }"
        )
    return json.dumps(value, ensure_ascii=False)
