"""What a card decides about the arrays of a leaky state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from memsim.memory.design import ArrayDesign


@dataclass(frozen=True, kw_only=True)
class LeakyDesign(ArrayDesign):
    """An array of P x N cells for each chip and head, whose numbers fade, are added to and are read.

    retention: time constant of volatile cells [s], one for the whole array; math.inf: they keep, and every
    decay is a rewriting.  Raises ValueError for cells that pulses move up only.
    """

    rows: int
    columns: int
    retention: float = math.inf

    wired: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._positive("heads", "rows", "columns")
        super().__post_init__()
        if not self.retention > 0:
            raise ValueError(
                f"{self.name}: retention = {self.retention} s: a positive time; math.inf where cells keep"
            )
        if self.write == "pulses" and self.card.attention_cell.one_sided:
            raise ValueError(
                f"{self.name}: {self.cell.name} moves up only: a state that fades needs a reset at every"
                " decay; take a cell that moves both ways, or write = 'verify'"
            )

    @property
    def devices(self) -> int:
        return self.rows * self.columns * self.devices_per_cell

    def lifetime(self, endurance: float, rate: float) -> float:
        """Time until `rate` tokens a second, one cycle of every device each, have worn the array out [s]."""
        return endurance / rate
