"""Options of line arrays that apply to all memories of a network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from memsim.memory.checks import check_clock, check_retention, check_switch, check_whole, check_word
from memsim.memory.clock import Clock
from memsim.memory.design import Write
from memsim.memory.lines import Full


@dataclass(frozen=True, kw_only=True)
class LineOptions:
    """Options for storing and reading lines.

    full: "ring" overwrites the oldest line when the array is full; "refuse" raises `LinesFull`.
    correct: scores and weights are divided by the mean drift at the age of their line, at the price of one
    digital multiplication each.
    ones: an additional column holds 1 in every line, and its result divides the weighted sum.  This
    normaliser ages together with the values.
    retention: time constant of volatile value arrays [s].  Values and ones relax as exp(-age / retention);
    keys do not.  The energy of reads is computed without this relaxation.
    tile: number of lines of a tile that can stay without power.  If all weights of a reader in a tile are 0,
    none of its lines is matched or blended (0: all lines have power).
    selectors: the last line of every tile is always matched, as the landmark by which tiles are selected.
    bits: bits to which numbers are rounded before they are written, sign included (0: no rounding).
    Raises ValueError for values out of range and for selectors without tiles.
    """

    full: Full = "refuse"
    correct: bool = False
    ones: bool = False
    retention: float = math.inf
    tile: int = 0
    selectors: bool = False
    bits: int = 0

    def __post_init__(self) -> None:
        check_word("full", self.full, "ring", "refuse")
        for switch in ("correct", "ones", "selectors"):
            check_switch(switch, getattr(self, switch))
        check_retention(self.retention)
        check_whole("tile", self.tile, 1, zero="none")
        check_whole("bits", self.bits, 2, 16, zero="no rounding")
        if self.selectors and not self.tile:
            raise ValueError("selectors = True has no effect with tile = 0: give the lines of a tile")

    def options(self) -> dict[str, Any]:
        """Return these options by name, without the fields of subclasses."""
        return {one.name: getattr(self, one.name) for one in fields(LineOptions)}


@dataclass(frozen=True, kw_only=True)
class Settings(LineOptions):
    """Settings for placing the memories of a network on line arrays.

    clock: rate of tokens, which gives every line its age.  write: see `memsim.memory.design.Write`.
    capacity: lines of an array; None: as many as the longest sequence has tokens.
    gate: "digital" multiplies by the gate digitally; "device" lets the decay of the values (`retention` or
    drift) act as the gate, which must then depend on age only and needs the option `ones`.
    Raises ValueError for values out of range, and for "device" without `ones` or with `correct`.
    """

    clock: Clock = field(default_factory=Clock)
    write: Write = "verify"
    capacity: int | None = None
    gate: Literal["digital", "device"] = "digital"

    def form(self) -> dict[str, Any]:
        """Return the settings that differ from the defaults, as JSON values; `of` is the inverse."""
        usual = Settings()
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        changed = {name: value for name, value in found.items() if value != getattr(usual, name)}
        return changed | ({"clock": self.clock.rate} if "clock" in changed else {})

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> Settings:
        """Return the settings stored by `form`.  Raises ValueError for an unknown name."""
        unknown = sorted(set(form) - {one.name for one in fields(cls)})
        if unknown:
            raise ValueError(f"settings of lines: unknown setting {unknown[0]!r}")
        clock = {"clock": Clock(form["clock"])} if "clock" in form else {}
        return cls(**{**form, **clock})

    def __post_init__(self) -> None:
        super().__post_init__()
        check_clock(self.clock)
        check_word("write", self.write, "verify", "pulses")
        check_word("gate", self.gate, "digital", "device")
        if self.capacity is not None:
            check_whole("capacity", self.capacity, 1)
        if self.gate == "device" and (self.correct or not self.ones):
            raise ValueError(
                "gate = 'device' needs ones = True, a normaliser that decays with the values, and"
                " correct = False"
            )
