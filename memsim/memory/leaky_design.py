"""The settings that a chip card fixes for the arrays of a leaky state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from memsim.memory.checks import check_retention
from memsim.memory.design import ArrayDesign


@dataclass(frozen=True, kw_only=True)
class LeakyDesign(ArrayDesign):
    """Settings of an array of rows x columns = P x N cells for each chip and head that holds a leaky state.

    retention: time constant of volatile cells [s], the same for the whole array; math.inf: cells are
    non-volatile, and every decay is written.  Raises ValueError for sizes below 1, for a retention that is
    not positive, for volatile cells of which some are stuck, and for writes by pulses on cells whose pulses
    go in one direction only.
    """

    rows: int
    columns: int
    retention: float = math.inf

    wired: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._positive("heads", "rows", "columns")
        super().__post_init__()
        check_retention(self.retention)
        if self.stuck and not math.isinf(self.retention):
            raise ValueError(
                f"{self.name}: retention = {self.retention:g} s: all cells decay alike, which stuck and"
                ' worn-out devices do not; use retention = math.inf, or card.without("faults", "wear")'
            )
        if self.write == "pulses" and self.card.attention_cell.one_sided:
            raise ValueError(
                f"{self.name}: pulses move {self.cell.name} up only, so that every decay would need a reset;"
                " use a cell with pulses in both directions, or write = 'verify'"
            )

    @property
    def devices(self) -> int:
        return self.rows * self.columns * self.devices_per_cell

    def lifetime(self, endurance: float, rate: float) -> float:
        """Return the time until the array is worn out [s]: endurance / rate.

        endurance: write cycles until a device fails; rate: tokens per second, each of which is one cycle of
        every device.
        """
        return endurance / rate
