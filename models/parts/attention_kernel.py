"""STDP attention weights and their gradients from tables, as operations on spike counts (M, N).

Forward:   A[i, j] = table[r_Q(i), r_K(j)]
Backward:  gQ[i] = -sum_j gA[i, j] slope[r_Q(i), r_K(j)];  gK[j] = sum_i gA[i, j] slope[r_Q(i), r_K(j)]

A weight depends only on two integer counts, so that no exponential has to be computed for each pair. Tables
have the shape (levels, levels); counts outside 0 to levels - 1 raise ValueError.
"""

import numba
import torch
from torch import Tensor

from memsim.devices.numerics.compile import match_threads
from memsim.devices.numerics.kernel_cache import compiled
from memsim.devices.numerics.operation import operation


@operation
def gather_weights(table: Tensor, q_count: Tensor, k_count: Tensor) -> Tensor:
    """Return A (M, N, N) for a table (levels, levels) and counts (M, N).  Raises ValueError as above."""
    return table[_index(q_count, table.shape[0])[..., None], _index(k_count, table.shape[1])[..., None, :]]


@operation
def count_gradients(
    slope: Tensor, q_count: Tensor, k_count: Tensor, grad_weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Return gQ and gK (M, N) for the gradient gA (M, N, N).  Raises ValueError as above."""
    grad = grad_weight * gather_weights(slope, q_count, k_count)
    return -grad.sum(-1), grad.sum(-2)


@gather_weights.kernel("cpu", torch.float32, torch.float64)
def _(table: Tensor, q_count: Tensor, k_count: Tensor) -> Tensor:
    q, k = _index(q_count, table.shape[0]), _index(k_count, table.shape[1])
    weight = table.new_empty(*_pairs(q, k))
    arrays = (x.contiguous().numpy() for x in (table, q, k))
    _gather(*arrays, weight.numpy(), match_threads())  # type: ignore[call-arg]
    return weight


@count_gradients.kernel("cpu", torch.float32, torch.float64)
def _(slope: Tensor, q_count: Tensor, k_count: Tensor, grad_weight: Tensor) -> tuple[Tensor, Tensor]:
    q, k = _index(q_count, slope.shape[0]), _index(k_count, slope.shape[1])
    if tuple(grad_weight.shape) != _pairs(q, k):
        raise ValueError(f"the gradient has shape {tuple(grad_weight.shape)}, the weights {_pairs(q, k)}")
    grad_q, grad_k = slope.new_empty(q.shape), slope.new_empty(k.shape)
    arrays = (x.contiguous().numpy() for x in (slope, q, k, grad_weight))
    _gradients(*arrays, grad_q.numpy(), grad_k.numpy(), match_threads())  # type: ignore[call-arg]
    return grad_q, grad_k


def _index(count: Tensor, levels: int) -> Tensor:
    """Return counts as int64. Raises ValueError for counts outside the table."""
    low, high = (int(end) for end in count.aminmax()) if count.numel() else (0, 0)
    if low < 0 or high >= levels:
        raise ValueError(f"spike counts must lie in 0 .. {levels - 1}, got {low} .. {high}")
    return count.long()


def _pairs(q: Tensor, k: Tensor) -> tuple[int, int, int]:
    """Return the shape of the weights. Raises ValueError for counts of other shapes than (M, N)."""
    if q.ndim != 2 or k.ndim != 2 or len(q) != len(k):
        raise ValueError(f"counts of shape {tuple(q.shape)} and {tuple(k.shape)}: (M, N) each is needed")
    return len(q), q.shape[1], k.shape[1]


@compiled(nogil=True, parallel=True)
def _gather(table, q_count, k_count, weight, blocks):
    """Fill weight (M, N, N) from table (levels, levels) and counts (M, N), in `blocks` parallel parts."""
    arrays, queries = q_count.shape
    for block in numba.prange(blocks):
        for m in range(block * arrays // blocks, (block + 1) * arrays // blocks):
            for i in range(queries):
                row = table[q_count[m, i]]
                for j in range(k_count.shape[1]):
                    weight[m, i, j] = row[k_count[m, j]]


@compiled(nogil=True, parallel=True)
def _gradients(slope, q_count, k_count, grad_weight, grad_q, grad_k, blocks):
    """Fill grad_q and grad_k (M, N) from grad_weight (M, N, N) and slope (levels, levels)."""
    arrays, queries = q_count.shape
    for block in numba.prange(blocks):
        for m in range(block * arrays // blocks, (block + 1) * arrays // blocks):
            grad_k[m, :] = 0
            for i in range(queries):
                row = slope[q_count[m, i]]
                total = grad_q.dtype.type(0)
                for j in range(k_count.shape[1]):
                    g = grad_weight[m, i, j] * row[k_count[m, j]]
                    total += g
                    grad_k[m, j] += g
                grad_q[m, i] = -total
