"""The array kernels: whole stacks in one pass over memory, compiled by numba, for CPU tensors of float32."""

from pathlib import Path

import numpy as np
from numba import prange

import devices
from devices import philox as px
from devices.compile import drop_stale_cache, parallel_kernel


@parallel_kernel
def read_out(current, variance, noise, keys, images, step, levels, gain, positions, out):
    """One job for each chip, time step and image; its normals are numbered (position, tile, column)."""
    chips, tiles, vectors, columns = current.shape
    writes = vectors // positions
    clips = 0
    for job in prange(chips * writes):
        s, write = job // writes, job % writes
        t, b = write // len(images), write % len(images)
        z, words = np.zeros((1, px.BLOCK), np.float32), np.empty((1, px.BLOCK), np.uint32)
        over, cell, block = 0, px.BLOCK, 0
        for p in range(positions):
            m = write * positions + p
            for k in range(tiles):
                done = 0
                while done < columns:
                    if cell == px.BLOCK:
                        cell = 0
                        if noise > 0:
                            px.normals(z, words, keys[s], block, t, images[b], 0, 1)
                        block += 1
                    run = min(columns - done, px.BLOCK - cell)
                    for i in range(run):
                        c = done + i
                        value = current[s, k, m, c]
                        if noise > 0:
                            value += noise * np.sqrt(variance[s, k, m, c]) * z[0, cell + i]
                        if levels > 0:
                            code = np.rint(value / step[s, k])
                            over += abs(code) > levels
                            value = min(max(code, -levels), levels) * step[s, k]
                        out[s, m, c] += value * gain[s, c]
                    done += run
                    cell += run
        clips += over
    return clips


@parallel_kernel
def pulses_of_counts(table, count_q, count_k, out):
    """out[a, i, j] = table[count_q[a, i], count_k[a, j]]; returns the sum of |out|."""
    arrays, tokens = count_q.shape
    total = 0.0
    for a in prange(arrays):
        sum_a = np.float32(0.0)
        for i in range(tokens):
            row = table[int(count_q[a, i])]
            for j in range(tokens):
                n = row[int(count_k[a, j])]
                out[a, i, j] = n
                sum_a += abs(n)
        total += sum_a
    return total


@parallel_kernel
def settle(w, floor, rest, scale, weight, column, first):
    """Floor w, add scale (w - rest) to `weight` (or set it, where first), add w to `column` sums; returns
    floors.

    w, weight (arrays, N, N); column (arrays, N), summed over word lines.
    """
    arrays, tokens, _ = w.shape
    floors = 0
    for a in prange(arrays):
        low = 0
        for i in range(tokens):
            for j in range(tokens):
                value = w[a, i, j]
                low += value < floor
                value = max(value, floor)
                w[a, i, j] = value
                column[a, j] += value
                if first:
                    weight[a, i, j] = (value - rest) * scale
                else:
                    weight[a, i, j] += (value - rest) * scale
        floors += low
    return floors


drop_stale_cache(Path(__file__).parent, Path(devices.__file__).parent)
