"""Devices of a weight array in any coding: its planes and reference columns, written and aged side by side.

The planes of pairs are those of :mod:`memsim.arrays.weight_devices`.  Shapes as there; planes P, lines L.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from memsim.arrays.kernels.pair_sums import column_sizes, row_sums
from memsim.arrays.weight_devices import Sensed, conductances, seen
from memsim.coding.coding import Coding
from memsim.coding.lines import Lines
from memsim.devices.numerics.stream import Stream
from memsim.devices.stuck import held as stuck

Behind = Callable[[list[tuple[Tensor, Tensor]]], list[tuple[Tensor, Tensor]]]
"""What resistive lines leave of the planes, difference and sum of devices (S G, R, C) [S]."""


class Plane(NamedTuple):
    """Devices of one plane of an array, or of its reference columns."""

    goal_GRC: Tensor
    """Conductance that one device is to carry above g_min [S]; of a pair, with a sign."""
    rng: Stream
    """Keys of chips, or of chips x groups."""
    paired: bool
    faults: Tensor | None = None
    """Conductance of faulty devices, NaN of others, (S G, D, R, C) [S]; of pairs G+, G-, G+, ..."""


def planes(lines: Lines, goal_GRC: Tensor, cell: Any, rounded: bool, rng: Stream) -> list[Plane]:
    """Return the planes of a matrix, then its reference columns, which hold a weight of 0.

    goal: W / max |W| times the range of a device [S]; rounded: to the grid of a coding that has one.
    """
    coding, span = lines.coding, cell.g_max - cell.g_min
    shares_PGRC = coding.shares((goal_GRC / span).clamp(-1, 1), rounded)
    found = [
        Plane(shares_GRC * span, rng.child("slice", place) if place else rng, coding.paired)
        for place, shares_GRC in enumerate(shares_PGRC)
    ]
    if lines.reference is not None:
        zero = float(coding.zero_shares(rounded)[0]) * span
        goal = torch.full_like(found[0].goal_GRC[..., :1], zero).repeat(1, 1, lines.column_tiles)
        found.append(Plane(goal, rng.child("reference"), coding.paired))
    return found


def zero_siemens(coding: Coding, cell: Any, voltage: float, rounded: bool) -> float:
    """Return what a weight of 0 is designed to carry, one device at each place, planes times factors [S]."""
    shares = coding.zero_shares(rounded) * (cell.g_max - cell.g_min)
    return float(cell.chord(cell.g_min + shares, voltage) @ torch.tensor(coding.factors, dtype=shares.dtype))


def sense_planes(
    cell: Any,
    lines: Lines,
    parts: Sequence[Plane],
    *,
    age: float,
    parallel: int,
    voltage: float,
    total: bool,
    behind: Behind | None = None,
) -> Sensed:
    """Write the devices of all planes, age them and sum what a read at `voltage` [V] sees of every line.

    difference (S G, R, L): of a line of single devices, their sum.  Means are of what the lines of a column
    combine to.  parallel: n; total: whether total_SRC is wanted; behind: what resistive lines leave of
    (difference, sum of devices) of each part, energy apart.
    """
    found = [_seen(part, cell, age, parallel, voltage) for part in parts]
    row_siemens = row_sums(torch.cat([one for _, one in found], -1))
    found = found if behind is None else behind(found)
    difference, whole = (torch.cat(one, -1).contiguous() for one in zip(*found, strict=True))
    goal, chips = parts[0].goal_GRC, len(parts[0].rng.keys)
    column = column_sizes(lines.combined(difference).contiguous()).view(chips, -1)
    return Sensed(
        difference_SRC=difference,
        total_SRC=whole if total else None,
        row_siemens_SR=row_siemens,
        mean_global=(column.sum(1, keepdim=True) / goal.numel()).to(goal.dtype),
        mean_column=(column / goal.shape[1]).to(goal.dtype),
    )


def _seen(part: Plane, cell: Any, age: float, parallel: int, voltage: float) -> tuple[Tensor, Tensor]:
    """Return what a line is read as, and the sum of its devices; both (S G, R, C) [S]."""
    if part.paired:
        return seen(part.goal_GRC, cell, part.rng, age, parallel, voltage, part.faults)
    whole = cell.chord(_single(part, cell, age, parallel), voltage).sum(1)
    return whole, whole


def held(cell: Any, parts: Sequence[Plane], *, age: float, parallel: int) -> list[Tensor]:
    """Return the conductance of every device, (S G, n or 2 n, R, C) [S] for each of `parts`; of pairs, G+
    first.
    """
    return [
        conductances(cell, part.goal_GRC, rng=part.rng, age=age, pairs=parallel, faults=part.faults)
        if part.paired
        else _single(part, cell, age, parallel)
        for part in parts
    ]


def _single(part: Plane, cell: Any, age: float, parallel: int) -> Tensor:
    """Single devices, `parallel` at each place, as they are now: (S G, n, R, C) [S]."""
    goal, keys = part.goal_GRC, part.rng.keys
    if len(goal) == 1 and keys.ndim == 1:
        goal = goal[0]
    target = (goal + cell.g_min).unsqueeze(-3)
    target = target.expand(*keys.shape, parallel, *target.shape[-2:])
    state = cell.write(target, rng=part.rng)
    now = cell.read(cell.relax(state, age, rng=part.rng), rng=part.rng).flatten(0, -4)
    return now if part.faults is None else stuck(part.faults, now)
