"""Matrices cut into tiles and joined again: (..., R, C) <-> (..., T, h, U, w), as equal as can be."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Tiling(NamedTuple):
    """How a matrix of rows x columns is cut into row tiles x column tiles."""

    rows: int
    columns: int
    row_tiles: int
    column_tiles: int

    @property
    def height(self) -> int:
        """Rows of the largest tile."""
        return math.ceil(self.rows / self.row_tiles)

    @property
    def width(self) -> int:
        """Columns of the largest tile."""
        return math.ceil(self.columns / self.column_tiles)

    def cut(self, x: Tensor, fill: float = 0.0) -> Tensor:
        """Cut (..., R, C) into (..., T, h, U, w); places beyond the matrix, at its far ends, hold `fill`."""
        return self.cut_columns(self.cut_rows(x.transpose(-1, -2), fill).movedim(-3, -1), fill)

    def cut_rows(self, x: Tensor, fill: float | bool) -> Tensor:
        """Cut (..., R) into (..., T, h)."""
        return _cut(x, self.row_tiles, self.height, fill)

    def cut_columns(self, x: Tensor, fill: float | bool) -> Tensor:
        """Cut (..., C) into (..., U, w)."""
        return _cut(x, self.column_tiles, self.width, fill)

    def join(self, x: Tensor) -> Tensor:
        """Join (..., T, h, U, w) to (..., R, C)."""
        return x.flatten(-2).flatten(-3, -2)[..., : self.rows, : self.columns]


def _cut(x: Tensor, tiles: int, size: int, fill: float | bool) -> Tensor:
    padded = torch.nn.functional.pad(x, (0, tiles * size - x.shape[-1]), value=fill)
    return padded.unflatten(-1, (tiles, size))
