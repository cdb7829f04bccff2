"""Attention maps: how much every place is attended to."""

from __future__ import annotations

from torch import Tensor

from memsim.models.seeing.places import Grid


def attended(weights: Tensor, grid: Grid) -> Tensor:
    """Maps (..., h, w) of attention weights A_ij (..., heads, T, N, N): their mean over heads, steps and
    queries i, at the place of key j.

    Raises ValueError where the N tokens are not those of the grid.
    """
    if weights.shape[-1] != grid[0] * grid[1]:
        raise ValueError(
            f"attention over {weights.shape[-1]} tokens is no map of {grid[0]} x {grid[1]} places"
        )
    return weights.mean((-4, -3, -2)).unflatten(-1, grid)
