"""Node voltages of networks that differ from input to input: sweeps where they suffice, else elimination.

With currents a, b [A] into the nodes of word and bit lines, ``W U = G B + a`` and ``T B = G U + b``.  A sweep
solves the word lines for the last B, then the bit lines for that U; each shrinks the error of B by rho or
more (:mod:`memsim.wires.sweeps`).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics.compile import inlined, match_threads, parallel_kernel
from memsim.devices.numerics.operation import operation
from memsim.wires.blocks import eliminate
from memsim.wires.effective import effective
from memsim.wires.lanes import turn
from memsim.wires.line_solve import solve_lines
from memsim.wires.lines import Network

MOST_SWEEPS = 200
"""Number of sweeps beyond which elimination takes less time."""
EXACT = 1e-15
"""Share of the largest voltage to which a node voltage counts as exact [1]."""


def sweeps_for(rho: float, accuracy: float) -> int:
    """Return the least k with rho^k <= accuracy; more than :data:`MOST_SWEEPS` where rho is 1."""
    if rho <= 0.0 or accuracy >= 1.0:
        return 0
    if rho >= 1.0:
        return MOST_SWEEPS + 1
    return max(0, math.ceil(math.log(accuracy) / math.log(rho) - 1e-9))


def solve_nodes(of: Network, into_word: Tensor, into_bit: Tensor) -> tuple[Tensor, Tensor, str]:
    """Return the voltages U, B (N, R, C) [V] that currents (N, R, C) [A] cause, and "sweeps" or "blocks"."""
    rho = float(effective(of).drops.detach().prod(-1).max())
    sweeps = 1 + sweeps_for(rho, EXACT)
    if sweeps > MOST_SWEEPS:
        word, bit = eliminate(of, into_word[..., None], into_bit[..., None])
        return word[..., 0], bit[..., 0], "blocks"
    ends = (of.left, of.right, of.top, of.bottom)
    return *node_sweeps(of.g, into_word, into_bit, *ends, of.word, of.bit, sweeps), "sweeps"


@operation
def node_sweeps(
    g: Tensor, into_word: Tensor, into_bit: Tensor, left: Tensor, right: Tensor, top: Tensor, bottom: Tensor,
    word: float, bit: float, sweeps: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return U and B (N, R, C) [V] after `sweeps` sweeps from B = 0; arguments as of a Network."""
    turned, b = g.transpose(-1, -2), torch.zeros_like(g)
    u = b
    for _ in range(sweeps):
        u = solve_lines(g, word, left, right, g * b + into_word)
        b = solve_lines(turned, bit, top, bottom, (g * u + into_bit).transpose(-1, -2)).transpose(-1, -2)
    return u, b


@node_sweeps.kernel("cpu", torch.float64)
def _(g, into_word, into_bit, left, right, top, bottom, word, bit, sweeps):
    given = (g, into_word, into_bit, left, right, top, bottom)
    u, b = np.zeros(g.shape, np.float64), np.zeros(g.shape, np.float64)
    match_threads()
    _node_sweeps(u, b, *[x.detach().contiguous().numpy() for x in given], word, bit, sweeps)
    return torch.from_numpy(u), torch.from_numpy(b)


@parallel_kernel
def _node_sweeps(u, b, g, into_word, into_bit, left, right, top, bottom, word, bit, sweeps):
    rows, columns = g.shape[1:]
    for n in prange(len(g)):
        turned, words = np.empty((columns, rows)), np.zeros((columns, rows))
        flow, inverse_word = np.empty((columns, rows)), np.empty((columns, rows))
        bits, inverse_bit = np.empty((rows, columns)), np.empty((rows, columns))
        turn(turned, g[n])
        _pivots(inverse_word, turned, left[n], right[n], word)
        _pivots(inverse_bit, g[n], top[n], bottom[n], bit)
        for _ in range(sweeps):
            _sum(bits, g[n], b[n], into_word[n])
            turn(flow, bits)
            _lines(words, flow, inverse_word, word, left[n], right[n])
            turn(u[n], words)
            _sum(bits, g[n], u[n], into_bit[n])
            _lines(b[n], bits, inverse_bit, bit, top[n], bottom[n])


@inlined
def _sum(to, g, v, into):
    for r in range(len(g)):
        for c in range(g.shape[1]):
            to[r, c] = g[r, c] * v[r, c] + into[r, c]


@inlined
def _pivots(inverse, g, first, last, segment):
    """1 / d of lines down the columns of g; of a line that is one node, 1 / its conductance to ground."""
    rows, columns = g.shape
    y = np.zeros(columns)
    if math.isinf(segment):
        for r in range(rows):
            y += g[r]
        inverse[0] = 1.0 / y
        return
    for r in range(rows):
        for c in range(columns):
            y[c] = g[r, c] + (y[c] * segment / (segment + y[c]) if r > 0 else first[c])
            inverse[r, c] = 1.0 / (y[c] + (segment if r < rows - 1 else last[c]))


@inlined
def _lines(v, into, inverse, segment, first, last):
    """Voltages of lines down the columns into whose nodes currents flow, as :func:`solve_lines`."""
    rows, columns = v.shape
    if math.isinf(segment):
        for c in range(columns):
            level = 0.0
            if first[c] + last[c] == 0.0:
                for r in range(rows):
                    level += into[r, c]
                level *= inverse[0, c]
            for r in range(rows):
                v[r, c] = level
        return
    for c in range(columns):
        v[0, c] = into[0, c] * inverse[0, c]
    for r in range(1, rows):
        for c in range(columns):
            v[r, c] = (into[r, c] + segment * v[r - 1, c]) * inverse[r, c]
    for r in range(rows - 2, -1, -1):
        for c in range(columns):
            v[r, c] += segment * inverse[r, c] * v[r + 1, c]
