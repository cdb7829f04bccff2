"""Lines of a weight array: the columns of every plane, then the reference columns of its tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from memsim.coding.coding import Coding


@dataclass(frozen=True, eq=False)
class Lines:
    """Where a coding puts the C columns of a matrix among the lines that are sensed, L = P C + references."""

    coding: Coding
    columns: int
    column_tiles: int

    @cached_property
    def planes(self) -> list[slice]:
        """The lines of each plane."""
        return [slice(p * self.columns, (p + 1) * self.columns) for p in range(len(self.coding.factors))]

    @cached_property
    def reference(self) -> slice | None:
        """The reference columns, one for each column tile."""
        first, many = self.coding.lines(self.columns), self.coding.references(self.column_tiles)
        return slice(first, first + many) if many else None

    @property
    def groups(self) -> list[slice]:
        """Lines that share an ADC range: every plane, and the references."""
        return self.planes if self.reference is None else [*self.planes, self.reference]

    @cached_property
    def tile_of_column(self) -> Tensor:
        """The column tile of each column, (C,): tiles are as equal as can be."""
        return torch.arange(self.columns) // math.ceil(self.columns / self.column_tiles)

    def straight(self, column_SRC: Tensor) -> Tensor:
        """Return what the first plane is to carry more so that columns carry `column`, as currents of
        lines.
        """
        others = self.coding.conversions(self.columns, self.column_tiles) - self.columns
        return torch.nn.functional.pad(column_SRC / self.coding.factors[0], (0, others))

    @property
    def factor(self) -> float:
        """Digital factor of a reference column."""
        return self.coding.factors[0]

    def weighted(self, lines: Tensor) -> Tensor:
        """Return planes (..., L) times their factors, (..., C)."""
        parts = zip(self.coding.factors, self.planes, strict=True)
        return sum((factor * lines[..., part] for factor, part in parts), lines.new_zeros(()))

    def of_reference(self, lines: Tensor) -> Tensor:
        """Return the reference of each column's tile, (..., L) -> (..., C)."""
        assert self.reference is not None
        return lines[..., self.reference].index_select(-1, self.tile_of_column.to(lines.device))

    def combined(self, lines: Tensor) -> Tensor:
        """Return what lines (..., L) come to by column, (..., C): planes times their factors, less the
        reference.
        """
        total = self.weighted(lines)
        return total if self.reference is None else total - self.factor * self.of_reference(lines)
