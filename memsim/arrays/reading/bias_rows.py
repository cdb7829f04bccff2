"""Rows of an array that hold its biases: they follow the matrix and are driven with the number 1."""

from __future__ import annotations

import torch
from torch import Tensor

from memsim.arrays.reading.unrolling import Unrolling


def with_rows(blocks_GRC: Tensor, bias: Tensor, many: int) -> Tensor:
    """Append `many` rows to a matrix, which hold the bias (G C,) in equal parts: (G, R + many, C)."""
    groups, _, columns = blocks_GRC.shape
    part = bias.detach().to(blocks_GRC).view(groups, 1, columns) / many
    return torch.cat([blocks_GRC, part.expand(groups, many, columns)], 1)


def with_drives(
    x: Tensor, unrolling: Unrolling | None, rows: int, groups: int, many: int, value: float
) -> Tensor:
    """Return the drives of all rows, biases' among them, as vectors: (T, S, B, G P (R + many)).

    x (T, S, B, F): F values of an image by `unrolling`, or G P R of them; value: 1 where biases are read, 0
    where they are not.
    """
    if unrolling is None:
        vectors = x.flatten(3).unflatten(-1, (-1, rows))
    else:
        vectors = unrolling.vectors(x.flatten(3).unflatten(-1, (groups, -1))).flatten(3, 4)
    return torch.nn.functional.pad(vectors, (0, many), value=value).flatten(3)


def as_maps(numbers: Tensor, groups: int) -> Tensor:
    """Return numbers (T, S, B, P, C), or (T, S, B, G, P, C), as an unrolling has them: (T, S, B, G C, P)."""
    by_column = numbers.transpose(-1, -2)
    return by_column if groups == 1 else by_column.flatten(3, 4)
