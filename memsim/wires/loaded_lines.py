"""Reads of an array that grows line by line: every reader sees the lines that are present at its time.

A line is a row of devices G (N, C).  Its word line by itself passes the share s of a voltage (`ladder`), and
does not change when others are added; the bit lines do, because each present line loads them.  With t the
ladder of a bit line that ends at its first place and is loaded by the lines present for reader r,

    sensed    I_rc = sum_n x_rn w_nc t^r_nc       lines are driven, bit lines are sensed
    driven    I_rn = sum_c x_rc w_nc t^r_nc       bit lines are driven, lines are sensed

where w = s G.  A kernel climbs each bit line from its open end, once for each reader, without storing t.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics.compile import inlined, match_threads, parallel_kernel
from memsim.devices.numerics.operation import operation
from memsim.wires.ladder import bit_ladder
from memsim.wires.lane_ladders import FAR


@operation
def sensed_currents(
    x: Tensor, w: Tensor, load: Tensor, places: Sequence[int], present: Tensor, ohm: float, tile: int
) -> Tensor:
    """Return the currents of bit lines (A, R, C) [A] for drives x (A, R, N) [V] of lines.

    w, load: s G and the load on bit lines (A, N, C) [S], float64 as x; places: increasing place of each line
    on the bit lines, whose end has the place -1; present (R, N): the lines that are there for each reader;
    ohm: resistance between two places [ohm]; tile: places of a tile, which has bit lines of its own (0: all).
    Lines that are not present are not driven.
    """
    return torch.einsum("arn,anc,arnc->arc", x * present, w, _shares(load, places, present, ohm, tile))


@operation
def driven_currents(
    x: Tensor, w: Tensor, load: Tensor, places: Sequence[int], present: Tensor, ohm: float, tile: int
) -> Tensor:
    """Return the currents of lines (A, R, N) [A] for drives x (A, R, C) [V] of bit lines; 0 for lines that
    are not present.  Other arguments as those of `sensed_currents`.
    """
    found = torch.einsum("arc,anc,arnc->arn", x, w, _shares(load, places, present, ohm, tile))
    return found * present


def _shares(load: Tensor, places: Sequence[int], present: Tensor, ohm: float, tile: int) -> Tensor:
    """Return t of each device on the bit lines of each reader (A, R, N, C) [1]."""
    height = places[-1] + 1
    rows = tile or height
    tiles = -(-height // rows)
    arrays, _, columns = load.shape
    whole = load.new_zeros(arrays, len(present), tiles * rows, columns)
    whole[:, :, list(places)] = load[:, None] * present[:, :, None]
    each = whole.view(-1, rows, columns)
    segment = 1.0 / ohm if ohm else float("inf")
    first = load.new_full((len(each), columns), segment)
    found = bit_ladder(each, segment, first, torch.zeros_like(first))
    return found.reshape(whole.shape)[:, :, list(places)]


@sensed_currents.kernel("cpu", torch.float64)
def _(x, w, load, places, present, ohm, tile):
    return _climbed(_sense, sensed_currents, (len(x), len(present), w.shape[2]), x, w, load, places,
                    present, ohm, tile)  # fmt: skip


@driven_currents.kernel("cpu", torch.float64)
def _(x, w, load, places, present, ohm, tile):
    return _climbed(_drive, driven_currents, (len(x), len(present), w.shape[1]), x, w, load, places,
                    present, ohm, tile)  # fmt: skip


def _climbed(kernel, operation, shape, x, w, load, places, present, ohm, tile) -> Any:
    """Return what a kernel finds, or the torch form if a voltage is beyond float64."""
    arrays, readers, _ = shape
    _, lines, columns = w.shape
    driven = lines if operation is sensed_currents else columns
    if (x.shape, w.shape, load.shape, present.shape, len(places)) != (
        (arrays, readers, driven), (arrays, lines, columns), (arrays, lines, columns), (readers, lines), lines
    ):  # fmt: skip
        raise ValueError(
            f"shapes of drives {tuple(x.shape)}, w {tuple(w.shape)}, load {tuple(load.shape)}, present"
            f" {tuple(present.shape)} and {len(places)} places do not belong together"
        )
    out, at = np.zeros(shape, np.float64), np.asarray(places, np.int64)
    own = at // tile if tile else np.zeros_like(at)  # the tile of each line
    ends = np.flatnonzero(np.diff(own, prepend=-1, append=-1))  # where the lines of a tile begin, and the end
    before = np.concatenate([[-1], at[:-1]])
    before[ends[:-1]] = own[ends[:-1]] * tile - 1
    ohms = ohm * (at - before).astype(np.float64)
    match_threads()
    given = [part.detach().contiguous().numpy() for part in (x, w, load, present)]
    kernel(out, *given, ends, ohms)
    if not np.isfinite(out).all():
        return operation.meaning(x, w, load, places, present, ohm, tile)
    return torch.from_numpy(out)


@parallel_kernel
def _sense(out, x, w, load, present, ends, ohms):
    arrays, readers, columns = out.shape
    for job in prange(arrays * readers):
        a, r = job // readers, job % readers
        v, i, sent = np.empty(columns), np.empty(columns), np.empty(columns)
        for part in range(len(ends) - 1):
            v[:], i[:], sent[:] = FAR, 0.0, 0.0
            for n in range(ends[part + 1] - 1, ends[part] - 1, -1):
                if present[r, n]:
                    _send(sent, v, w[a, n], x[a, r, n])
                    _draw(i, v, load[a, n])
                _climb(v, i, ohms[n])
            for c in range(columns):
                out[a, r, c] += sent[c] / v[c] if np.isfinite(v[c]) else np.nan


@parallel_kernel
def _drive(out, x, w, load, present, ends, ohms):
    arrays, readers, lines = out.shape
    columns = w.shape[2]
    for job in prange(arrays * readers):
        a, r = job // readers, job % readers
        v, i, volt = np.empty(columns), np.empty(columns), np.empty((lines, columns))
        for part in range(len(ends) - 1):
            v[:], i[:] = FAR, 0.0
            for n in range(ends[part + 1] - 1, ends[part] - 1, -1):
                if present[r, n]:
                    for c in range(columns):
                        volt[n, c] = v[c]
                    _draw(i, v, load[a, n])
                _climb(v, i, ohms[n])
            for c in range(columns):
                v[c] = x[a, r, c] / v[c] if np.isfinite(v[c]) else np.nan
            for n in range(ends[part], ends[part + 1]):
                if present[r, n]:
                    _weigh(volt[n], w[a, n], v)
                    out[a, r, n] = volt[n].sum()


@inlined
def _send(sent, v, w, x):
    for c in range(len(v)):
        sent[c] += x * w[c] * v[c]


@inlined
def _draw(i, v, load):
    for c in range(len(v)):
        i[c] += load[c] * v[c]


@inlined
def _climb(v, i, ohm):
    for c in range(len(v)):
        v[c] += ohm * i[c]


@inlined
def _weigh(volt, w, x):
    for c in range(len(volt)):
        volt[c] *= w[c] * x[c]
