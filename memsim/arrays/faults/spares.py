"""Spare lines: which lines of a tile are used after a test read.

Rule: in each tile the lines are ranked by the harm of their faults, the worst first, and its spares by their
number of faulty devices, the fewest first; the n-th worst line is left for the n-th spare where that does
less harm in its place.  Rows come first, then columns.

Shapes: arrays A, devices of a cross-point D, tiles along the lines' order T, lines of one L, tiles along the
lines U, places along one W.  A map of levels (A, D, T, L, U, W) holds NaN where a device is free.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Harm = Callable[[Tensor, Tensor], Tensor]
"""Takes a map (A, D, T, n, U, W) of lines and where they are to serve, (A, T, n, U) places among a tile's
lines; returns the harm of each line there, (A, T, n, U).
"""


def choose_lines(levels: Tensor, spares: int, harm: Harm) -> Tensor:
    """Return the lines that are used, (A, T, L - spares, U): numbers among the L, the last of them spares."""
    lines = levels.shape[3] - spares
    main, spare = levels[:, :, :, :lines], levels[:, :, :, lines:]
    arrays, _, tiles, _, across, _ = levels.shape
    places = torch.arange(lines, device=levels.device).view(1, 1, -1, 1)
    places = places.expand(arrays, tiles, lines, across)
    if not spares:
        return places
    cost = harm(main, places)
    worst = cost.argsort(dim=2, descending=True, stable=True)[:, :, :spares]
    faulty = (~spare.isnan()).sum((1, 5))
    best = faulty.argsort(dim=2, stable=True)[:, :, : worst.shape[2]]
    better = harm(take_lines(spare, best), worst) < cost.gather(2, worst)
    return places.scatter(2, worst, torch.where(better, lines + best, worst))


def take_lines(x: Tensor, lines: Tensor) -> Tensor:
    """Return lines (A, T, n, U) of something (A, D, T, L, U, W): (A, D, T, n, U, W)."""
    index = lines[:, None, ..., None].expand(-1, x.shape[1], -1, -1, -1, x.shape[5])
    return x.gather(3, index)


def turned(x: Tensor) -> Tensor:
    """Return a map with its columns as lines, or again its rows: (A, D, T, L, U, W) -> (A, D, U, W, T, L)."""
    return x.permute(0, 1, 4, 5, 2, 3)
