"""The array kernels: whole stacks in one pass over memory, compiled by numba, for CPU tensors of float32."""

from pathlib import Path

import numpy as np
from numba import prange

import devices
from devices import philox as px
from devices.compile import drop_stale_cache, inlined, parallel_kernel

CHUNK = 32
"""Vectors that one job of ``read_array`` reads."""


@inlined
def accumulate(total, matrix, x, active, count, squared):
    """total[c] = sum over the driven rows of x_r (or x_r^2) matrix[r, c], eight rows at a time."""
    total[:] = 0.0
    i = 0
    while i + 8 <= count:
        r0, r1, r2, r3 = active[i], active[i + 1], active[i + 2], active[i + 3]
        r4, r5, r6, r7 = active[i + 4], active[i + 5], active[i + 6], active[i + 7]
        x0, x1, x2, x3, x4, x5, x6, x7 = x[r0], x[r1], x[r2], x[r3], x[r4], x[r5], x[r6], x[r7]
        if squared:
            x0, x1, x2, x3 = x0 * x0, x1 * x1, x2 * x2, x3 * x3
            x4, x5, x6, x7 = x4 * x4, x5 * x5, x6 * x6, x7 * x7
        row0, row1, row2, row3 = matrix[r0], matrix[r1], matrix[r2], matrix[r3]
        row4, row5, row6, row7 = matrix[r4], matrix[r5], matrix[r6], matrix[r7]
        for c in range(len(total)):
            low = (x0 * row0[c] + x1 * row1[c]) + (x2 * row2[c] + x3 * row3[c])
            high = (x4 * row4[c] + x5 * row5[c]) + (x6 * row6[c] + x7 * row7[c])
            total[c] += low + high
        i += 8
    while i < count:
        r0 = active[i]
        x0 = x[r0] * x[r0] if squared else x[r0]
        row0 = matrix[r0]
        for c in range(len(total)):
            total[c] += x0 * row0[c]
        i += 1


@inlined
def convert(current, step, levels, gain, out):
    """out += gain ADC(current); returns how many clipped.  levels = 0: no rounding."""
    inverse = np.float32(1.0) / step
    over = 0
    if levels > 0:
        for c in range(len(current)):
            code = np.rint(current[c] * inverse)
            over += abs(code) > levels
            out[c] += min(max(code, -levels), levels) * step * gain[c]
    else:
        for c in range(len(current)):
            out[c] += current[c] * gain[c]
    return over


@inlined
def take_rows(x, values, index, p):
    """Row drives of position p: x[p R + r], or, where an index (P, R) is given, values[index[p, r]], 0 where
    that is negative (the border of an image).
    """
    if index.size == 0:
        for r in range(len(x)):
            x[r] = values[p * len(x) + r]
    else:
        for r in range(len(x)):
            i = index[p, r]
            x[r] = values[i] if i >= 0 else np.float32(0.0)


@inlined
def find_driven(x, first, end, active):
    """Write the rows from `first` to `end` that are driven into `active`; returns how many."""
    many = 0
    for r in range(first, end):
        active[many] = r
        many += x[r] != 0
    return many


@parallel_kernel
def read_array(
    x, index, volt, power, noise, keys, images, height, step, levels, gain, rows_siemens, out, maps
):
    """Read every chip's array with every vector: only driven rows add their currents.

    x (T, S, B, F) in read voltages, F the values of one image; index (P, R) says which of them drives which
    row at a position (empty: F = P R, as they lie); volt, power (S, R, C); step (S, K), tiles of `height`
    rows; gain (S, C); rows_siemens (S, R).  Normals are numbered (position, tile, column) in each image and
    step.  Fills out (T, S, B, P, C), or (T, S, B, C, P) for `maps`; returns clips, driven rows, and sum x^2 G
    [S].
    """
    steps, chips, count, _ = x.shape
    rows, columns = volt.shape[1], volt.shape[2]
    tiles = step.shape[1]
    positions = out.shape[4] if maps else out.shape[3]
    chunks = (positions + CHUNK - 1) // CHUNK
    clips, driven, siemens = 0, 0, 0.0
    for job in prange(steps * chips * count * chunks):
        chunk, write = job % chunks, job // chunks
        b, s, t = write % count, write // count % chips, write // count // chips
        z, words = np.zeros((1, px.BLOCK), np.float32), np.empty((1, px.BLOCK), np.uint32)
        current, spread = np.empty(columns, np.float32), np.empty(columns, np.float32)
        drive, numbers = np.empty(rows, np.float32), np.empty(columns, np.float32)
        active = np.empty(rows + 1, np.int64)
        first = chunk * CHUNK
        block, cell = first * tiles * columns // px.BLOCK, first * tiles * columns % px.BLOCK
        if noise > 0:
            px.normals(z, words, keys[s], block, t, images[b], 0, 1)
        over, used, energy = 0, 0, 0.0
        for p in range(first, min(first + CHUNK, positions)):
            take_rows(drive, x[t, s, b], index, p)
            numbers[:] = 0.0
            for k in range(tiles):
                many = find_driven(drive, k * height, min((k + 1) * height, rows), active)
                used += many
                for i in range(many):
                    energy += drive[active[i]] * drive[active[i]] * rows_siemens[s, active[i]]
                accumulate(current, volt[s], drive, active, many, False)
                if noise > 0:
                    accumulate(spread, power[s], drive, active, many, True)
                    done = 0
                    while done < columns:
                        if cell == px.BLOCK:
                            cell, block = 0, block + 1
                            px.normals(z, words, keys[s], block, t, images[b], 0, 1)
                        run = min(columns - done, px.BLOCK - cell)
                        for i in range(run):
                            current[done + i] += noise * np.sqrt(spread[done + i]) * z[0, cell + i]
                        done, cell = done + run, cell + run
                over += convert(current, step[s, k], levels, gain[s], numbers)
            if maps:
                for c in range(columns):
                    out[t, s, b, c, p] = numbers[c]
            else:
                out[t, s, b, p, :] = numbers
        clips += over
        driven += used
        siemens += energy
    return clips, driven, siemens


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
    """Floor w; set `weight` to scale (w - rest) where first, add it elsewhere; count the floored.

    w, weight (arrays, N, N), which may be one; column (arrays, N) takes the sums of w over word lines.
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
                column[a, j] += value
                if first:
                    weight[a, i, j] = (value - rest) * scale
                else:
                    weight[a, i, j] += (value - rest) * scale
        floors += low
    return floors


drop_stale_cache(Path(__file__).parent, Path(devices.__file__).parent)
