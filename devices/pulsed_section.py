"""The ``[pulsed]`` table of a device card: a cell moved by identical pulses."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from memsim.devices.card_fields import siemens, within
from memsim.devices.toml_file import Section


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
    g_min: float = siemens("g_min", ge=0)
    """Lowest conductance, where down pulses end [S]."""
    g_max: float = siemens("g_max", gt=1e-9)
    """Highest conductance, where up pulses end [S]."""
    g_mid: float | None = siemens("g_mid", default=None, gt=0)
    """Where the steps are stated, w = 0 in arrays [S]; the middle of g_min and g_max where absent."""
    step_up: float = siemens("step_up", gt=0)
    """Mean step of an up pulse at g_mid [S]; the median's where log_normal_steps."""
    step_down: float | None = siemens("step_down", default=None, gt=0)
    """Mean step of a down pulse at g_mid [S]; likewise; none where one_sided."""
    one_sided: bool = False
    """Whether pulses move it up only, as partial SET pulses do PCM; a synapse is a pair of them."""
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
    g_max_spread: float = siemens("g_max_spread", default=0.0, ge=0)
    """Spread of the upper bound [S]."""
    g_min_spread: float = siemens("g_min_spread", default=0.0, ge=0)
    """Spread of the lower bound [S]."""
    reference_spread: float = siemens("reference_spread", default=0.0, ge=0)
    """Spread of the fixed reference devices [S]."""
    subtract_symmetry_point: bool = False
    """Whether each reference stands where its device's up and down steps are equal."""
    cycle_noise: float = Field(default=0.0, ge=0, le=100)
    """Noise of a step from pulse to pulse, relative to it [1]."""
    cycle_noise_law: Literal["relative", "constant"] = "relative"
    """Relative to the step as it is, or to the device's step at g_mid."""
    write_noise: float = siemens("write_noise", default=0.0, ge=0)
    """Noise of the level a write leaves, new with each write, as the read noise of a pulse curve is [S]."""
    write_noise_law: Literal["constant", "proportional"] = "constant"
    """The same at every level, or in proportion to the conductance: write_noise [S] is then that at g_mid."""
    reset: float = siemens("reset", ge=0)
    """Mean level after a reset [S]."""
    reset_noise: float = siemens("reset_noise", default=0.0, ge=0)
    """Noise of a reset, new each time [S]."""
    reset_spread: float = siemens("reset_spread", default=0.0, ge=0)
    """Spread of the level after a reset [S]."""
    pulse_voltage: float | None = Field(default=None, alias="pulse_voltage [V]", gt=1e-3, lt=100)
    """Height of a pulse [V]; with its length it prices a pulse, V^2 G t."""
    pulse_time: float | None = Field(default=None, alias="pulse_time [s]", gt=1e-12, lt=10)
    """Length of a pulse [s]; the chip card's where absent."""

    @property
    def ideal_parts(self) -> tuple[str, ...]:
        """What no number is given of."""
        spreads = self.step_spread, self.asymmetry_spread, self.g_max_spread, self.g_min_spread
        spreads += self.nonlinearity_up_spread, self.nonlinearity_down_spread, self.reference_spread
        there = {
            "spread of devices": any(spreads),
            "cycle noise": self.cycle_noise,
            "write noise": self.write_noise,
            "noise of a reset": self.reset_noise or self.reset_spread,
        }
        return tuple(part for part, value in there.items() if not value)

    @property
    def middle(self) -> float:
        """Where the steps are stated [S]."""
        return (self.g_min + self.g_max) / 2 if self.g_mid is None else self.g_mid

    @property
    def effects(self) -> tuple[str, ...]:
        """The effects of its cell."""
        written = ("write-noise",) if self.write_noise else ()
        return ("device-spread", "cycle-noise", *written, "reset-noise")

    @property
    def states(self) -> float:
        """Distinguishable states: steps of the larger size from bound to bound [1]."""
        return (self.g_max - self.g_min) / max(self.step_up, self.step_down or 0.0)

    @model_validator(mode="after")
    def _consistent(self) -> PulsedSection:
        width = self.g_max - self.g_min
        if not 1e-6 * self.g_max < width:
            raise ValueError(
                f"g_min [S] = {self.g_min:g} and g_max [S] = {self.g_max:g}: g_min must be below; exchanged?"
            )
        edge = 1e-3 * width
        within(self, self.g_min + edge, self.g_max - edge, "between the bounds, not on one of them", "g_mid")
        within(self, self.g_min, self.g_max, "the bounds", "reset")
        within(self, 1e-6 * width, width, "a millionth of the range to all of it", "step_up", "step_down")
        noises = ("reference_spread", "write_noise", "reset_noise", "reset_spread")
        within(self, 0.0, width, "the range", "g_max_spread", "g_min_spread", *noises)
        return self._check_law()

    def _check_sides(self) -> None:
        if self.one_sided == (self.step_down is not None):
            raise ValueError(
                "step_down [S] is of a device that is not one_sided"
                if self.one_sided
                else "step_down [S] is required, or one_sided = true for a device that pulses only raise"
            )
        if self.one_sided:
            for name in ("nonlinearity_down", "nonlinearity_down_spread", "asymmetry_spread"):
                if getattr(self, name):
                    raise ValueError(f"{name} has no effect on a device that is one_sided")
            if self.cycle_noise_law == "constant":
                raise ValueError('cycle_noise_law = "constant" is not known of devices that are one_sided')
        if self.write_noise_law == "proportional" and not self.write_noise:
            raise ValueError('write_noise_law = "proportional" has no effect without write_noise [S]')
        if self.write_noise_law == "proportional" and self.cycle_noise_law == "constant":
            raise ValueError(
                'write_noise_law = "proportional" is not known beside cycle_noise_law = "constant"'
            )

    def _check_law(self) -> PulsedSection:
        self._check_sides()
        for name in ("nonlinearity_up", *(() if self.one_sided else ("nonlinearity_down",))):
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
