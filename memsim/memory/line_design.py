"""What a card decides about line arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from memsim.memory.design import STUCK, ArrayDesign
from memsim.memory.line_options import LineOptions

OPEN = ("dead_word_lines", "dead_bit_lines")


@dataclass(frozen=True, kw_only=True)
class LineDesign(LineOptions, ArrayDesign):
    """Line arrays: `capacity` lines of `keys` + `values` pairs of devices, for each chip and head.

    Raises ValueError for sizes below 1, and for options that have no effect.
    """

    keys: int
    values: int
    capacity: int

    wired: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._positive("heads", "keys", "values", "capacity")
        super().__post_init__()
        if not self.retention > 0:
            raise ValueError(
                f"{self.name}: retention = {self.retention} s: a positive time; math.inf where cells keep"
            )
        if self.tile < 0 or (self.selectors and not self.tile):
            raise ValueError(
                f"{self.name}: tile = {self.tile}, selectors = {self.selectors}: lines of a tile, 0 for none;"
                " selectors have no effect without tiles"
            )
        if self.bits and not 2 <= self.bits <= 16:
            raise ValueError(f"{self.name}: bits = {self.bits}: 2 to 16, or 0 where nothing is rounded")
        if self.correct and (self.write == "pulses" or not self.drifts):
            raise ValueError(
                f"{self.name}: correct has no effect, as {self.cell.name} does not drift in the mean"
            )

    def faulty(self, weights: bool) -> Sequence[str]:
        return (*STUCK, *OPEN) if weights else (*STUCK, "corrupt_devices")

    @property
    def columns(self) -> int:
        """Pairs of devices of a line."""
        return self.keys + self.values + self.ones

    @property
    def devices(self) -> int:
        return self.columns * self.devices_per_cell

    def lifetime(self, endurance: float, rate: float) -> float:
        """Time until a ring that takes `rate` tokens a second has worn its devices out [s].

        endurance: cycles that a device lives; each is written once in `capacity` tokens.
        """
        return endurance * self.capacity / rate
