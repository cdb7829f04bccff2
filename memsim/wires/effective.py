"""The array that an array with wires resembles: its ladders, in one pass."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics.compile import inlined, match_threads, parallel_kernel
from memsim.devices.numerics.operation import operation
from memsim.wires.ladder import bit_ladder, solve_ladder, word_ladder
from memsim.wires.lanes import turn
from memsim.wires.lines import Network
from memsim.wires.one_way import one_way_product


class Effective(NamedTuple):
    """What arrays with wires resemble."""

    product: Tensor  #: M = u G t (N, R, C) [S]
    drops: Tensor  #: the largest max(1 - u) of word lines, max(1 - t) of bit lines (N, 2) [1]
    sums: Tensor  #: of M over rows (N, C) [S]
    least: Tensor  #: the smallest device (N,) [S]


def effective(of: Network, activity: float = 1.0) -> Effective:
    """Return M = u G t, the largest drops, the sums of M's columns, the smallest device.

    V M are the currents where word or bit lines have no resistance, and nearly so where the product rho of
    the drops is small: |I - V M| <= rho max |V| sum_i t G (:mod:`memsim.wires.sweeps`).

    activity: share p of rows that are driven at once where the others are switched off; then
    M = u G t(p G) / (1 + (1 - p) G x), x the resistance to the end of bit lines in the last row
    (:mod:`memsim.wires.tiles`).
    """
    ends = (of.left, of.right, of.top, of.bottom)
    return ladders_product(of.g, *ends, of.word, of.bit, activity)


@operation
def ladders_product(
    g: Tensor,
    left: Tensor,
    right: Tensor,
    top: Tensor,
    bottom: Tensor,
    word: float,
    bit: float,
    activity: float,
) -> Effective:
    """Return what :func:`effective` does; arguments as the fields of a Network."""
    u, t = word_ladder(g, word, left, right), bit_ladder(activity * g, bit, top, bottom)
    away = torch.arange(g.shape[1], 0, -1, dtype=g.dtype, device=g.device)[:, None] / bit
    product = u * g * t / (1.0 + (1.0 - activity) * g * away)
    drops = torch.stack([1.0 - x.amin((-1, -2)) for x in (u, t)], -1)
    return Effective(product, drops, product.sum(-2), g.amin((-1, -2)))


@ladders_product.kernel("cpu", torch.float64)
def _(g, left, right, top, bottom, word, bit, activity):
    given = [x.detach().contiguous().numpy() for x in (g, left, right, top, bottom)]
    shapes = (g.shape, (len(g), 2), (len(g), g.shape[2]), (len(g),))
    found = [np.empty(shape, np.float64) for shape in shapes]
    match_threads()
    lost = np.empty(len(g), np.bool_)
    one_way_product(*found, lost, *given, word, bit, activity)
    if lost.any():
        rest = [x[lost] for x in (*found[:2], *given)]
        _product(*rest, word, bit, activity)
        for x, part in zip(found, (*rest[:2], rest[0].sum(1), rest[2].min((1, 2))), strict=True):
            x[lost] = part
    return Effective(*(torch.from_numpy(x) for x in found))


@parallel_kernel
def _product(out, drops, g, left, right, top, bottom, word, bit, activity):
    for n in prange(len(g)):
        turned = np.empty((g.shape[2], g.shape[1]))
        turn(turned, g[n])
        ends = (left[n], right[n], top[n], bottom[n])
        drops[n, 0], drops[n, 1] = through_ladders(out[n], g[n], turned, ends, word, bit, activity)


@inlined
def through_ladders(out, g, turned, ends, word, bit, activity):
    """out = M of one array g (R, C), `turned` its transpose; returns the largest drops along either line."""
    rows, columns = g.shape
    left, right, top, bottom = ends
    u, shares = np.empty((rows, columns)), np.empty((columns, rows))
    if math.isinf(word):
        for r in range(rows):
            u[r] = 1.0 if left[r] + right[r] > 0.0 else 0.0
    else:
        solve_ladder(shares, turned, left, right, word)
        turn(u, shares)
    if math.isinf(bit):
        for c in range(columns):
            out[:, c] = 1.0 if top[c] + bottom[c] > 0.0 else 0.0
    elif activity < 1.0:
        load = np.empty((rows, columns))
        for r in range(rows):
            _scale(load[r], g[r], activity)
        solve_ladder(out, load, top, bottom, bit)
    else:
        solve_ladder(out, g, top, bottom, bit)
    low_u, low_t = np.ones(columns), np.ones(columns)
    for r in range(rows):
        _lower(low_u, u[r])
        _lower(low_t, out[r])
        _weigh(out[r], g[r], u[r], (1.0 - activity) * (rows - r) / bit)
    return 1.0 - low_u.min(), 1.0 - low_t.min()


@inlined
def _scale(to, x, factor):
    for c in range(len(x)):
        to[c] = factor * x[c]


@inlined
def _lower(low, x):
    for c in range(len(x)):
        low[c] = low[c] if low[c] < x[c] else x[c]


@inlined
def _weigh(t, g, u, alone):
    """t becomes M; alone: resistance [ohm] that a device's own current meets beyond the mean load."""
    if alone > 0.0:
        for c in range(len(t)):
            t[c] *= g[c] * u[c] / (1.0 + alone * g[c])
    else:
        for c in range(len(t)):
            t[c] *= g[c] * u[c]
