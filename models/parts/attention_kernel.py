"""STDP attention weights and their gradient by table: two numba kernels over arrays (M, N) of spike counts.

Forward:   A[i, j] = table[r_Q(i), r_K(j)]
Backward:  gQ[i] = -sum_j gA[i, j] slope[r_Q(i), r_K(j)];  gK[j] = sum_i gA[i, j] slope[r_Q(i), r_K(j)]

The weight depends on two whole counts alone, so neither exponentials nor branches are needed for each pair.
"""

import numba


@numba.njit(cache=True, nogil=True, parallel=True)
def gather_weights(table, q_count, k_count, weight, blocks):
    """Fill weight (M, N, N) from table (levels, levels) by counts (M, N), in `blocks` parallel shares."""
    arrays, tokens = q_count.shape
    for block in numba.prange(blocks):
        for m in range(block * arrays // blocks, (block + 1) * arrays // blocks):
            for i in range(tokens):
                row = table[int(q_count[m, i])]
                for j in range(tokens):
                    weight[m, i, j] = row[int(k_count[m, j])]


@numba.njit(cache=True, nogil=True, parallel=True)
def count_gradients(slope, q_count, k_count, grad_weight, grad_q, grad_k, blocks):
    """Fill grad_q and grad_k (M, N) from grad_weight (M, N, N) and slope (levels, levels)."""
    arrays, tokens = q_count.shape
    for block in numba.prange(blocks):
        for m in range(block * arrays // blocks, (block + 1) * arrays // blocks):
            grad_k[m, :] = 0
            for i in range(tokens):
                row = slope[int(q_count[m, i])]
                total = grad_q.dtype.type(0)
                for j in range(tokens):
                    g = grad_weight[m, i, j] * row[int(k_count[m, j])]
                    total += g
                    grad_k[m, j] += g
                grad_q[m, i] = -total
