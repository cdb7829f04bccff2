r"""One line by itself: the ladder of its segments and of devices to ground.

    u_j = voltage of node j when the ends are driven at 1 V and every device's other side is at 0 V

For word lines, 1 - u is the largest share of its voltage that a device can miss; for bit lines, by
reciprocity, t_i is the share of a current into node i that reaches the ends rather than the devices.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics.compile import inlined, match_threads, parallel_kernel
from memsim.devices.numerics.operation import operation


def word_ladder(g: Tensor, segment: float, first: Tensor, last: Tensor) -> Tensor:
    """Return u (N, R, C) [1] of the rows of devices g (N, R, C) [S].

    `segment` between neighbours and `first`, `last` (N, R) from the ends to their drivers [S].  A line that
    is one node (infinite `segment`) has 1, or 0 without a driver.
    """
    return bit_ladder(g.transpose(-1, -2).contiguous(), segment, first, last).transpose(-1, -2)


def bit_ladder(g: Tensor, segment: float, first: Tensor, last: Tensor) -> Tensor:
    """Return t (N, R, C) [1] of the columns of devices g (N, R, C) [S], as :func:`word_ladder` of rows.

    `segment` between neighbours and `first`, `last` (N, C) from the ends to ground [S].
    """
    if math.isinf(segment):
        return ((first + last) > 0).to(g.dtype)[:, None].expand_as(g)
    return ladder(g, first, last, segment)


@operation
def ladder(g: Tensor, first: Tensor, last: Tensor, segment: float) -> Tensor:
    """Node voltages (N, R, C) [1] of the ladder of each column, its ends driven at 1 V.

    From the first node, seen from the next: Y_i = G_i + s Y_(i-1), J_i = s J_(i-1), s = g / (g + Y_(i-1));
    then u_i = (g u_(i+1) + J_i) / (g + Y_i). No difference occurs, so that every voltage keeps its digits.
    """
    y, j = [g[:, 0] + first], [first]
    for row in range(1, g.shape[1]):
        s = segment / (segment + y[-1])
        y.append(g[:, row] + y[-1] * s)
        j.append(j[-1] * s)
    u = [(last + j[-1]) / (last + y[-1])]
    for row in range(g.shape[1] - 2, -1, -1):
        u.append((segment * u[-1] + j[row]) / (segment + y[row]))
    return torch.stack(u[::-1], 1)


@ladder.kernel("cpu", torch.float64)
def _(g: Tensor, first: Tensor, last: Tensor, segment: float) -> Tensor:
    out = np.empty(g.shape, np.float64)
    given = [x.detach().contiguous().numpy() for x in (g, first, last)]
    match_threads()
    _ladder(out, *given, segment)
    return torch.from_numpy(out)


@parallel_kernel
def _ladder(out, g, first, last, segment):
    for n in prange(len(g)):
        solve_ladder(out[n], g[n], first[n], last[n], segment)


@inlined
def solve_ladder(out, g, first, last, segment):
    """out (R, C) = the ladders of one array's columns; first, last (C)."""
    rows, columns = g.shape
    y, j = first.copy(), first.copy()
    fed = j.any()  # are the first ends driven?
    source = np.empty((rows if fed else 0, columns))
    for r in range(rows - 1):
        _down(out[r], y, g[r], segment)
        if fed:
            for c in range(columns):
                source[r, c] = j[c] * out[r, c] / segment
                j[c] *= out[r, c]
    for c in range(columns):
        y[c] += g[rows - 1, c]
        y[c] = (last[c] + j[c]) / (last[c] + y[c])
        out[rows - 1, c] = y[c]
    for r in range(rows - 2, -1, -1):
        for c in range(columns):
            y[c] *= out[r, c]
        if fed:
            for c in range(columns):
                y[c] += source[r, c]
        for c in range(columns):
            out[r, c] = y[c]


@inlined
def _down(share, y, g, segment):
    """y: what is seen from a row before, becomes what the next sees of the row and those before it."""
    for c in range(len(y)):
        seen = y[c] + g[c]
        s = segment / (segment + seen)
        share[c] = s
        y[c] = seen * s
