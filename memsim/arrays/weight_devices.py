"""Devices of a weight array: pairs written and aged in one go, and what a read sees of them.

Shapes: chips S, groups G (the blocks of a grouped convolution, else 1), rows R, columns C, devices in
parallel on either side of a pair n.  Every random number has an address, so nothing of a device is kept:
weights, stream and age give it again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.kernels.pair_sums import column_sizes, row_sums
from memsim.devices.numerics.operation import operation
from memsim.devices.numerics.stream import Stream
from memsim.devices.stuck import held
from memsim.devices.weights.block_kernel import pair_sums
from memsim.devices.weights.recorded import Unrecorded, record


class Sensed(NamedTuple):
    """What arrays show at one time; the first axis is chips x groups, chip-major."""

    difference_SRC: Tensor
    """Sum over the n devices of chord(G+) - chord(G-) [S]."""
    total_SRC: Tensor | None
    """Sum of chord(G+) + chord(G-) [S], where it was requested."""
    row_siemens_SR: Tensor
    """The same, summed over columns, float64 [S]."""
    mean_global: Tensor
    """Mean of |difference| over the layer, (S, 1) [S]."""
    mean_column: Tensor
    """Mean of |difference| over the rows, (S, G C) [S]."""

    @property
    def means(self) -> dict[str, Tensor]:
        """Mean |G+ - G-| [S] by what a compensation goes by."""
        return {"global": self.mean_global, "column": self.mean_column}


def siemens_per_unit(blocks_GRC: Tensor, cell: Any, scaling: str) -> Tensor:
    """Return the conductance of one device for a weight of one, (G, 1, C) [S], by layer or by column."""
    size, span = blocks_GRC.abs(), cell.g_max - cell.g_min
    peak = size.amax(1, keepdim=True) if scaling == "column" else size.amax()
    scale = span / torch.where(peak > 0, peak, torch.ones_like(peak))
    return scale.expand(len(size), 1, size.shape[2])


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
    faults: Tensor | None = None,
) -> Sensed:
    """Write the devices of pairs, age them and sum what a read at `voltage` [V] sees of them.

    goal_GRC: signed conductance that one device of a pair carries above g_min [S].  rng: keys of shape (S,)
    where G = 1, else (S, G); age: time since the write [s]; pairs: n; total: whether total_SRC is wanted;
    faults (S G, 2 n, R, C): conductance of faulty devices, NaN of the others, G+, G-, G+, ... [S].
    """
    difference, total_SRC = seen(goal_GRC.to(dtype), cell, rng, age, pairs, voltage, faults)
    return Sensed(
        difference_SRC=difference,
        total_SRC=total_SRC if total else None,
        row_siemens_SR=row_sums(total_SRC),
        **means(difference, len(rng.keys)),
    )


def means(difference_SRC: Tensor, chips: int) -> dict[str, Tensor]:
    """Mean |difference| of each chip's layer and of its columns, as :class:`Sensed` names them."""
    column = column_sizes(difference_SRC).view(chips, -1)
    rows = difference_SRC.shape[1]
    return {
        "mean_global": (column.sum(1, keepdim=True) / (rows * column.shape[1])).to(difference_SRC.dtype),
        "mean_column": (column / rows).to(difference_SRC.dtype),
    }


@operation
def seen(
    goal_GRC: Tensor,
    cell: Any,
    rng: Stream,
    age: float,
    pairs: int,
    voltage: float,
    faults: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Sums over a pair's devices of G+ - G- and G+ + G-, as they are read; both (S G, R, C) [S]."""
    chord = cell.chord(_devices(cell, goal_GRC, rng, age, pairs, faults), voltage)
    plus, minus = chord[:, 0::2].sum(1), chord[:, 1::2].sum(1)
    return plus - minus, plus + minus


@seen.kernel("cpu", torch.float32)
def _(goal_GRC, cell, rng, age, pairs, voltage, faults=None):
    def laws(target):
        now = cell.aged(target, age, rng=rng)
        return cell.chord(now if faults is None else now.stuck(), voltage)

    try:
        program = record(laws)
    except Unrecorded:
        return seen.meaning(goal_GRC, cell, rng, age, pairs, voltage, faults)
    flat = np.ascontiguousarray(goal_GRC.detach().flatten(1).numpy())
    levels = None if faults is None else faults.float().flatten(2).contiguous().numpy()
    sums = pair_sums(flat, rng.keys.size, cell.g_min, pairs, program, levels)
    difference, total = (torch.from_numpy(part).unflatten(1, goal_GRC.shape[1:]) for part in sums)
    return difference, total


def conductances(
    cell: Any, goal_GRC: Tensor, *, rng: Stream, age: float, pairs: int, faults: Tensor | None = None
) -> Tensor:
    """Conductance of every device, (S G, 2 n, R, C) [S]: the n of G+, then the n of G-; as :func:`sense`."""
    by_pair = _devices(cell, goal_GRC, rng, age, pairs, faults).unflatten(1, (pairs, 2))
    return by_pair.transpose(1, 2).flatten(1, 2)


def _devices(
    cell: Any, goal_GRC: Tensor, rng: Stream, age: float, pairs: int, faults: Tensor | None
) -> Tensor:
    """All devices as they are written, (S G, 2 n, R, C) [S]: G+, G-, G+, G-, ..."""
    if len(goal_GRC) == 1 and rng.keys.ndim == 1:
        goal_GRC = goal_GRC[0]
    target = torch.stack([goal_GRC.clamp(min=0), (-goal_GRC).clamp(min=0)], -3) + cell.g_min
    target = torch.cat([target] * pairs, -3)  # every cell of an array has its place in the random numbers
    state = cell.write(target.expand(*rng.keys.shape, *target.shape[-3:]), rng=rng)
    now = cell.read(cell.relax(state, age, rng=rng), rng=rng).flatten(0, -4)
    return now if faults is None else held(faults, now)
