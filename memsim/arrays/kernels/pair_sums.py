"""Sums over rows and columns of what pairs of devices show, in float64 and in an order of their own, whatever
the number of threads.
"""

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics.compile import inlined, match_threads, parallel_kernel
from memsim.devices.numerics.operation import operation

_LANES = 16  #: sums that a row is cut into
_STRIPE = 64  #: columns that are summed at once


@operation
def row_sums(total_SRC: Tensor) -> Tensor:
    """Sum over columns, float64 (S, R)."""
    return total_SRC.sum(-1, dtype=torch.float64)


@operation
def column_sizes(difference_SRC: Tensor) -> Tensor:
    """Sum of absolute values over rows, float64 (S, C)."""
    return difference_SRC.abs().sum(1, dtype=torch.float64)


@row_sums.kernel("cpu", torch.float32, torch.float64)
def _(total_SRC: Tensor) -> Tensor:
    rows = np.empty(total_SRC.shape[:2], np.float64)
    match_threads()
    _row_sums(rows, total_SRC.detach().numpy())
    return torch.from_numpy(rows)


@column_sizes.kernel("cpu", torch.float32, torch.float64)
def _(difference_SRC: Tensor) -> Tensor:
    columns = np.zeros((len(difference_SRC), difference_SRC.shape[2]), np.float64)
    match_threads()
    _column_sizes(columns, difference_SRC.detach().numpy())
    return torch.from_numpy(columns)


@parallel_kernel
def _row_sums(rows, total):
    for job in prange(rows.size):
        s, r = job // rows.shape[1], job % rows.shape[1]
        rows[s, r] = _sum(total[s, r])


@inlined
def _sum(row):
    """Sum of one row: sixteen sums, then theirs."""
    lanes, whole = np.zeros(_LANES, np.float64), len(row) // _LANES * _LANES
    for first in range(0, whole, _LANES):
        for lane in range(_LANES):
            lanes[lane] += row[first + lane]
    for c in range(whole, len(row)):
        lanes[c - whole] += row[c]
    value = 0.0
    for lane in range(_LANES):
        value += lanes[lane]
    return value


@parallel_kernel
def _column_sizes(columns, difference):
    stripes = (columns.shape[1] + _STRIPE - 1) // _STRIPE
    for job in prange(len(columns) * stripes):
        s, first = job // stripes, job % stripes * _STRIPE
        out = columns[s, first : first + _STRIPE]
        for r in range(difference.shape[1]):
            row = difference[s, r, first : first + _STRIPE]
            for c in range(len(out)):
                out[c] += abs(row[c])
