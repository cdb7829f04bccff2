"""Devices of a weight array: pairs written and aged in one go, and what a read sees of them.

Shapes: chips S, groups G (the blocks of a grouped convolution, else 1), rows R, columns C, devices in
parallel on either side of a pair n.  Every random number has an address, so nothing of a device is kept:
weights, stream and age give it again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from memsim.devices.numerics.stream import Stream


class Sensed(NamedTuple):
    """What arrays show at one time; the first axis is chips x groups, chip-major."""

    difference_SRC: Tensor
    """Sum over the n devices of chord(G+) - chord(G-) [S]."""
    total_SRC: Tensor | None
    """Sum of chord(G+) + chord(G-) [S], where asked for."""
    row_siemens_SR: Tensor
    """The same, summed over columns, float64 [S]."""
    mean_global: Tensor
    """Mean of |difference| over the layer, (S, 1) [S]."""
    mean_column: Tensor
    """Mean of |difference| over the rows, (S, G C) [S]."""


def sense(
    cell: Any,
    goal_GRC: Tensor,
    *,
    rng: Stream,
    age: float,
    pairs: int,
    voltage: float,
    total: bool = True,
    dtype: torch.dtype = torch.float32,
) -> Sensed:
    """Write the devices of pairs, age them and sum what a read at `voltage` [V] sees of them.

    goal_GRC: signed conductance that one device of a pair carries above g_min [S].  rng: keys of shape (S,)
    where G = 1, else (S, G); age: time since the write [s]; pairs: n; total: whether total_SRC is wanted.
    """
    conductance = _devices(cell, goal_GRC, rng, age, pairs).to(dtype)
    chord = cell.chord(conductance, voltage)
    plus, minus = chord[:, 0::2].sum(1), chord[:, 1::2].sum(1)
    difference, total_SRC = plus - minus, plus + minus
    chips, groups = len(rng.keys), len(goal_GRC)
    size = difference.abs().unflatten(0, (chips, groups))
    return Sensed(
        difference_SRC=difference,
        total_SRC=total_SRC if total else None,
        row_siemens_SR=total_SRC.sum(-1, dtype=torch.float64),
        mean_global=size.mean((1, 2, 3))[:, None],
        mean_column=size.mean(2).flatten(1),
    )


def conductances(cell: Any, goal_GRC: Tensor, *, rng: Stream, age: float, pairs: int) -> Tensor:
    """Conductance of every device, (S G, 2 n, R, C) [S]: the n of G+, then the n of G-; as :func:`sense`."""
    by_pair = _devices(cell, goal_GRC, rng, age, pairs).unflatten(1, (pairs, 2))
    return by_pair.transpose(1, 2).flatten(1, 2)


def _devices(cell: Any, goal_GRC: Tensor, rng: Stream, age: float, pairs: int) -> Tensor:
    """All devices as they are written, (S G, 2 n, R, C) [S]: G+, G-, G+, G-, ..."""
    if len(goal_GRC) == 1 and rng.keys.ndim == 1:
        goal_GRC = goal_GRC[0]
    target = torch.stack([goal_GRC.clamp(min=0), (-goal_GRC).clamp(min=0)], -3) + cell.g_min
    target = torch.cat([target] * pairs, -3)  # every cell of an array has its place in the random numbers
    state = cell.write(target.expand(*rng.keys.shape, *target.shape[-3:]), rng=rng)
    return cell.read(cell.relax(state, age, rng=rng), rng=rng).flatten(0, -4)
