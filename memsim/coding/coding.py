"""What a coding of weights defines.

A weight stands on one plane of devices or on several.  In each plane it has a place: n devices in parallel,
or n pairs of them.  With u = W / max |W| in -1 .. 1, and shares s_p of a device's range g_max - g_min,

    u = sum_p factor_p (s_p(u) - s_p(0)),   G_p = g_min + s_p (g_max - g_min)   (a pair: G+ - G- = s_p range)

A column of places in one plane is a line: it is sensed and converted separately, and the planes' numbers are
added digitally, each times its factor.  What a device carries where its weight is 0 is taken off by the other
side of a pair, by a reference column of each tile, or digitally (`memsim.arrays.reading.middle`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from memsim.devices.toml_file import Section

if TYPE_CHECKING:
    from torch import Tensor


class Coding(Section, ABC):
    """One coding of weights, its fields those of the card's table ``[weights.coding]``; shapes: planes P,
    groups G, rows R, columns C.
    """

    kind: ClassVar[str]
    """Its name in a card."""
    paired: ClassVar[bool] = False
    """Whether a place is a pair, read as G+ - G-."""
    referenced: ClassVar[bool] = False
    """Whether every column tile has a reference column of devices at weight 0."""
    rounds: ClassVar[bool] = False
    """Whether weights are rounded to a grid, the effect weight-rounding."""

    @property
    def factors(self) -> tuple[float, ...]:
        """Digital factor of each plane, the largest first."""
        return (1.0,)

    @abstractmethod
    def shares(self, unit_GRC: Tensor, rounded: bool) -> Tensor:
        """Return s_p of weights u in -1 .. 1, (P, G, R, C); signed where places are pairs.

        rounded: to the grid of a coding that has one.
        """

    def zero_shares(self, rounded: bool) -> Tensor:
        """Return s_p(0), (P,)."""
        import torch  # a card is read before torch is needed

        return self.shares(torch.zeros(1, 1, 1, dtype=torch.float64), rounded).flatten()

    @abstractmethod
    def words(self, devices: int) -> str:
        """Return what holds a weight, in words; devices: n."""

    def check(self, name: str, blocks_GRC: Tensor) -> None:
        """Raise ValueError for a matrix that this coding cannot hold."""

    def signs(self, blocks_GRC: Tensor) -> Tensor | None:
        """Return the digital sign of each column, (G, 1, C); None: all are positive."""
        return None

    @property
    def measures(self) -> bool:
        """Whether what is taken off is measured behind the lines, column by column, rather than designed."""
        return False

    @property
    def subtracts(self) -> bool:
        """Whether what devices carry at weight 0 is taken off digitally, where that is a current at all."""
        return not (self.paired or self.referenced)

    @property
    def plain(self) -> bool:
        """Whether one plane of pairs is all there is: reads then take the fused kernels alone."""
        return self.paired and len(self.factors) == 1 and not self.rounds

    def lines(self, columns: int) -> int:
        """Return the lines of a matrix of `columns`, references left out."""
        return len(self.factors) * columns

    @property
    def least(self) -> int:
        """Lines of a tile that holds one column: its planes', and a reference."""
        return len(self.factors) + self.referenced

    def column_tiles(self, columns: int, most: int) -> int:
        """Return the column tiles of a matrix, `most` lines each; the lines of a column stand in one tile."""
        return math.ceil(columns / ((most - self.referenced) // len(self.factors)))

    def widest(self, columns: int, column_tiles: int) -> int:
        """Return lines of the widest tile."""
        return math.ceil(columns / column_tiles) * len(self.factors) + self.referenced

    def by_tile(self, columns: int, column_tiles: int) -> list[int]:
        """Return lines of each tile of a row of tiles: as many columns in each as fit, the rest in the
        last.
        """
        wide = math.ceil(columns / column_tiles)
        widths = [min(wide, columns - first) for first in range(0, columns, wide)]
        return [width * len(self.factors) + self.referenced for width in widths]

    def references(self, column_tiles: int) -> int:
        """Return reference columns of a matrix."""
        return column_tiles if self.referenced else 0

    def devices(self, rows: int, columns: int, column_tiles: int, parallel: int) -> int:
        """Return devices of a matrix, those of reference columns among them; parallel: n."""
        places = self.lines(columns) + self.references(column_tiles)
        return (2 if self.paired else 1) * parallel * rows * places

    def conversions(self, columns: int, column_tiles: int) -> int:
        """ADC conversions of one read of a row tile."""
        return self.lines(columns) + self.references(column_tiles)

    def additions(self, columns: int, row_tiles: int, column_tiles: int) -> int:
        """Return digital additions of one read: of row tiles, and of what is taken off where nothing
        scales it.
        """
        taken_off = 0 if self.paired or self.measures else columns
        return self.conversions(columns, column_tiles) * (row_tiles - 1) + taken_off

    def shifts(self, columns: int) -> int:
        """Return shifts and additions of one read: of every plane beyond the first."""
        return self.lines(columns) - columns

    def scalings(self, columns: int) -> int:
        """Return digital multiplications of one read of what is taken off: by a factor for each column where
        it is measured, with its addition; once where it is a designed number.
        """
        return columns if self.measures else int(self.subtracts)

    def as_in_card(self) -> Any:
        """Return the coding as a card writes it: its name alone where every field is at its default."""
        fields = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return {"kind": self.kind, **fields} if fields else self.kind

    def __str__(self) -> str:
        fields = ", ".join(f"{name} {value}" for name, value in self.model_dump(mode="json").items())
        return f"{self.kind} ({fields})" if fields else self.kind


class MiddleCoding(Coding):
    """A coding whose devices carry a current at weight 0 that is taken off column by column."""

    middle: Literal["measured", "designed"] = "measured"
    """What is taken off: as ``designed``, the same of every row and column; or ``measured`` after each write
    and with each drift compensation, behind the lines, with a digital factor for each column.
    """

    @property
    def measures(self) -> bool:
        return self.middle == "measured" and not self.paired
