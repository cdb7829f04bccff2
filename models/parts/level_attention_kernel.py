"""Numba kernels for STDP attention by spike count, forward and backward, without an N x N matrix.

A weight depends on two spike counts only, so tokens with equal counts share a row or column of weights. Sums
over tokens become sums over levels l = 0 to D_H, which are exact except for the order of additions:

Forward:   V_l = sum_j [r_K(j) = l] V_j;  G_l = sum_i [r_Q(i) = l] gO_i
           O_i = sum_l A[r_Q(i), l] V_l
Backward:  gV_j = sum_l A[l, r_K(j)] G_l;  gQ_i = -gO_i . sum_l A'[r_Q(i), l] V_l
           gK_j = V_j . sum_l A'[l, r_K(j)] G_l;  gQ and gK are equal for all features of a token

Rows are (M, N, H, D_H): images and time steps, tokens, heads, features. Spikes and their gradients are
float32 or bf16 stored as uint16 (`bits16`); sums are float32. A and its slope A' = dA/dr_K are tables (D_H +
1, D_H + 1).
"""

import numpy as np
from numba import prange

from memsim.devices.numerics.compile import bare, parallel_kernel
from memsim.models.parts.bits16 import put, real


@bare
def _by_level(rows, m, h, counts, levels):
    """Fill levels (D_H + 1, D_H) with the sums of the rows of one head with equal counts."""
    for level in range(len(levels)):
        total = levels[level]
        for d in range(len(total)):
            total[d] = 0
    for i in range(len(counts)):
        row, total = rows[m, i, h], levels[counts[i]]
        for d in range(len(row)):
            total[d] += real(row[d])


@bare
def _weigh(table, present, levels, wanted, out):
    """Fill out[r] with the sum of table[r, l] levels[l] over the levels l present, for every wanted r."""
    for r in range(len(out)):
        if wanted[r]:
            total, weights = out[r], table[r]
            for d in range(len(total)):
                total[d] = 0
            for level in range(len(levels)):
                if present[level]:
                    row, weight = levels[level], weights[level]
                    for d in range(len(total)):
                        total[d] += weight * row[d]


@bare
def _mark(counts, present):
    """Set present[l] to whether any token has the count l."""
    for level in range(len(present)):
        present[level] = False
    for i in range(len(counts)):
        present[counts[i]] = True


@bare
def _count(rows, m, h, counts):
    """Fill counts with the number of spikes of each token in one head."""
    for i in range(len(counts)):
        row, total = rows[m, i, h], np.int32(0)
        for d in range(len(row)):
            total += np.int32(1) if row[d] != 0 else np.int32(0)
        counts[i] = total


@bare
def _dot(row, other):
    """Return the dot product of two rows, with four partial sums for vectorisation."""
    a = b = c = d = np.float32(0)
    whole = len(row) // 4 * 4
    for j in range(0, whole, 4):
        a += real(row[j]) * other[j]
        b += real(row[j + 1]) * other[j + 1]
        c += real(row[j + 2]) * other[j + 2]
        d += real(row[j + 3]) * other[j + 3]
    for j in range(whole, len(row)):
        a += real(row[j]) * other[j]
    return (a + b) + (c + d)


@parallel_kernel
def attend_rows(q, k, v, table, scale, q_count, k_count, out, blocks):
    """Fill the counts (M, H, N), int32, and out (M, N, H, D_H), float32, with scale times O_i."""
    heads, levels = q_count.shape[1], len(table)
    width, items = levels - 1, len(v) * heads
    for block in prange(blocks):
        sums, weighed = np.empty((levels, width), np.float32), np.empty((levels, width), np.float32)
        asked, present = np.empty(levels, np.bool_), np.empty(levels, np.bool_)
        for item in range(block * items // blocks, (block + 1) * items // blocks):
            m, h = item // heads, item % heads
            r_q, r_k = q_count[m, h], k_count[m, h]
            _count(q, m, h, r_q)
            _count(k, m, h, r_k)
            _mark(r_q, asked)
            _mark(r_k, present)
            _by_level(v, m, h, r_k, sums)
            _weigh(table, present, sums, asked, weighed)
            for i in range(len(r_q)):
                row, o = weighed[r_q[i]], out[m, i, h]
                for d in range(width):
                    o[d] = scale * row[d]


@parallel_kernel
def attend_rows_back(v, grad, tables, scale, q_count, k_count, of_q, of_k, of_v, blocks):
    """Fill the gradients of q, k and v from grad (M, N, H, D_H), float32.

    tables (3, D_H + 1, D_H + 1): A transposed, A', and A' transposed.
    """
    heads, levels = q_count.shape[1], tables.shape[1]
    table_back, slope, slope_back = tables[0], tables[1], tables[2]
    width, items = levels - 1, len(v) * heads
    for block in prange(blocks):
        values, grads = np.empty((levels, width), np.float32), np.empty((levels, width), np.float32)
        through_q, through_k = np.empty_like(values), np.empty_like(values)
        through_v = np.empty_like(values)
        asked, present = np.empty(levels, np.bool_), np.empty(levels, np.bool_)
        for item in range(block * items // blocks, (block + 1) * items // blocks):
            m, h = item // heads, item % heads
            r_q, r_k = q_count[m, h], k_count[m, h]
            _mark(r_q, asked)
            _mark(r_k, present)
            _by_level(v, m, h, r_k, values)
            _by_level(grad, m, h, r_q, grads)
            _weigh(slope, present, values, asked, through_q)
            _weigh(slope_back, asked, grads, present, through_k)
            _weigh(table_back, asked, grads, present, through_v)
            for i in range(len(r_q)):
                of_query = -scale * _dot(grad[m, i, h], through_q[r_q[i]])
                of_key = scale * _dot(v[m, i, h], through_k[r_k[i]])
                gq, gk, gv = of_q[m, i, h], of_k[m, i, h], of_v[m, i, h]
                row = through_v[r_k[i]]
                for d in range(width):
                    put(gq, d, of_query)
                    put(gk, d, of_key)
                    put(gv, d, scale * row[d])
