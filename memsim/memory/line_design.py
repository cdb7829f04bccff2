"""The settings of line arrays: sizes, options and a chip card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from memsim.memory.design import STUCK, ArrayDesign
from memsim.memory.line_options import LineOptions

OPEN = ("dead_word_lines", "dead_bit_lines")


@dataclass(frozen=True, kw_only=True)
class LineDesign(LineOptions, ArrayDesign):
    """Settings of an array for each chip and head: `capacity` lines of `keys` + `values` cells.

    Raises ValueError for sizes below 1, options out of range, and options that would have no effect.
    """

    keys: int
    values: int
    capacity: int

    wired: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._positive("heads", "keys", "values", "capacity")
        LineOptions.__post_init__(self)
        ArrayDesign.__post_init__(self)
        if self.correct and (self.write == "pulses" or not self.drifts):
            raise ValueError(
                f"{self.name}: correct has no effect: the mean conductance of {self.cell.name} does not drift"
            )

    def faulty(self, weights: bool) -> Sequence[str]:
        return (*STUCK, *OPEN) if weights else (*STUCK, "corrupt_devices")

    @property
    def columns(self) -> int:
        """Number of cells (pairs of devices) of a line."""
        return self.keys + self.values + self.ones

    @property
    def devices(self) -> int:
        return self.columns * self.devices_per_cell

    def lifetime(self, endurance: float, rate: float) -> float:
        """Return the time until a ring buffer is worn out [s]: endurance x capacity / rate.

        endurance: write cycles until a device fails; rate: tokens per second.  Each device is written once
        every `capacity` tokens.
        """
        return endurance * self.capacity / rate
