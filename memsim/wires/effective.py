"""The array that an array with wires resembles: its ladders, in one pass."""

from __future__ import annotations

import math

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics.compile import inlined, match_threads, parallel_kernel
from memsim.devices.numerics.operation import operation
from memsim.wires.ladder import bit_ladder, solve_ladder, word_ladder
from memsim.wires.lanes import turn
from memsim.wires.lines import Network


def effective(of: Network) -> tuple[Tensor, Tensor]:
    """Return M = u G t (N, R, C) [S] and the largest drops max(1 - u), max(1 - t) (N, 2) [1].

    V M are the currents where word or bit lines have no resistance, and nearly so where the product rho of
    the drops is small: |I - V M| <= rho max |V| sum_i t G (:mod:`memsim.wires.sweeps`).
    """
    ends = (of.left, of.right, of.top, of.bottom)
    return ladders_product(of.g, *ends, of.word, of.bit)


@operation
def ladders_product(
    g: Tensor, left: Tensor, right: Tensor, top: Tensor, bottom: Tensor, word: float, bit: float
) -> tuple[Tensor, Tensor]:
    """Return u G t and the largest drops, as :func:`effective`; arguments as the fields of a Network."""
    u, t = word_ladder(g, word, left, right), bit_ladder(g, bit, top, bottom)
    return u * g * t, torch.stack([1.0 - x.amin((-1, -2)) for x in (u, t)], -1)


@ladders_product.kernel("cpu", torch.float64)
def _(g, left, right, top, bottom, word, bit):
    given = [x.detach().contiguous().numpy() for x in (g, left, right, top, bottom)]
    out, drops = np.empty(g.shape, np.float64), np.empty((len(g), 2), np.float64)
    match_threads()
    _product(out, drops, *given, word, bit)
    return torch.from_numpy(out), torch.from_numpy(drops)


@parallel_kernel
def _product(out, drops, g, left, right, top, bottom, word, bit):
    rows, columns = g.shape[1:]
    for n in prange(len(g)):
        u = np.empty((rows, columns))
        if math.isinf(word):
            for r in range(rows):
                u[r] = 1.0 if left[n, r] + right[n, r] > 0.0 else 0.0
        else:
            turned, shares = np.empty((columns, rows)), np.empty((columns, rows))
            turn(turned, g[n])
            solve_ladder(shares, turned, left[n], right[n], word)
            turn(u, shares)
        if math.isinf(bit):
            for c in range(columns):
                out[n, :, c] = 1.0 if top[n, c] + bottom[n, c] > 0.0 else 0.0
        else:
            solve_ladder(out[n], g[n], top[n], bottom[n], bit)
        low_u, low_t = np.ones(columns), np.ones(columns)
        for r in range(rows):
            _lower(low_u, u[r])
            _lower(low_t, out[n, r])
            _weigh(out[n, r], g[n, r], u[r])
        drops[n, 0], drops[n, 1] = 1.0 - low_u.min(), 1.0 - low_t.min()


@inlined
def _lower(low, x):
    for c in range(len(x)):
        low[c] = low[c] if low[c] < x[c] else x[c]


@inlined
def _weigh(t, g, u):
    for c in range(len(t)):
        t[c] *= g[c] * u[c]
