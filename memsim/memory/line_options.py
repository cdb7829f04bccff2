"""Choices for line arrays that a user makes once, for all memories of a network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from memsim.memory.clock import Clock
from memsim.memory.design import Write
from memsim.memory.lines import Full


@dataclass(frozen=True, kw_only=True)
class LineOptions:
    """How lines are held and read.

    correct: scores and weights are divided by the mean drift of a line of its age, a digital multiplication
    each.  ones: one more column holds 1 in every line, and what it reads divides the blend: a normaliser
    that ages with the values.  retention: time constant of the value arrays [s], where these are volatile:
    values (and ones) relax as exp(-age / retention), keys are kept; the energy of their reads is that of new
    ones.  tile: lines of a tile that can stay unpowered: where all of a reader's weights in a tile are 0,
    none of its lines is matched or blended (0: everything is powered); selectors: the last line of every tile
    is matched all the same, as a landmark that chooses tiles.  bits: of what is written of a number, its sign
    among them (0: nothing is rounded).
    """

    full: Full = "refuse"
    correct: bool = False
    ones: bool = False
    retention: float = math.inf
    tile: int = 0
    selectors: bool = False
    bits: int = 0

    def options(self) -> dict[str, Any]:
        """These choices alone, by name."""
        return {one.name: getattr(self, one.name) for one in fields(LineOptions)}


@dataclass(frozen=True, kw_only=True)
class Settings(LineOptions):
    """How memories are put on line arrays.

    clock: tokens a second, which give every line its age.  write: `memsim.memory.design.Write`.  capacity:
    lines of an array; None: as many as the longest sequence has tokens.  gate: "device" leaves a gate that
    depends on age alone to what values lose by themselves (`retention`, or drift), beside a column of ones.
    """

    clock: Clock = field(default_factory=Clock)
    write: Write = "verify"
    capacity: int | None = None
    gate: Literal["digital", "device"] = "digital"

    def form(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON; `of` reads it."""
        usual = Settings()
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        changed = {name: value for name, value in found.items() if value != getattr(usual, name)}
        return changed | ({"clock": self.clock.rate} if "clock" in changed else {})

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> Settings:
        """The settings of a form.  Raises ValueError for a name that is none."""
        unknown = sorted(set(form) - {one.name for one in fields(cls)})
        if unknown:
            raise ValueError(f"settings of lines: {unknown[0]!r} is none")
        clock = {"clock": Clock(form["clock"])} if "clock" in form else {}
        return cls(**{**form, **clock})

    def __post_init__(self) -> None:
        if self.gate not in ("digital", "device"):
            raise ValueError(f"gate = {self.gate!r}: 'digital' or 'device'")
        if self.gate == "device" and (self.correct or not self.ones):
            raise ValueError(
                "gate = 'device' needs ones = True, a normaliser that fades with the values, and no correct"
            )
