"""The read of arrays whose rows carry numbers: most rows are driven, so whole panels are multiplied.

A job is one array, one step and as many images as have about VECTORS of drives in all: these share a pass
over the weights.  For each row tile the drives are laid out, (rows, vectors), then panels of columns are
multiplied and converted while they are in the cache.
"""

import numpy as np
from numba import prange

from memsim.arrays.kernels.converting import add_converted, draw, store
from memsim.arrays.kernels.driven import are_spikes
from memsim.arrays.kernels.panels import COLUMNS, LINES, multiply_panel, pack
from memsim.devices.numerics import philox as px
from memsim.devices.numerics.compile import bare, inlined, parallel_kernel

VECTORS = 128  #: of drives that share a pass over the weights; an image that has more is read in parts


_0 = np.uint64(0)


@inlined
def shares(count, positions):
    """Images of a job, positions that an image brings at a time, and vectors of drives laid out for them."""
    together = max(1, min(count, VECTORS // max(positions, 1)))
    parts = max(1, (positions + VECTORS - 1) // VECTORS)
    part = (positions + parts - 1) // parts
    stack = (together * part + LINES - 1) // LINES * LINES
    stack += 16 if stack % 32 == 0 else 0  # rows of drives lie in different sets of the cache
    return together, part, stack


@inlined
def lay_out(a, x, index, plane, t, s, b, first, rows, position, lines, at):
    """a[i, at + p] = the drive of row first + i at position + p, of the image x[t, s, b]: (P, R) in the
    input's order where index is empty, else gathered, 0 at the border.
    """
    t, s, b, first = np.uint64(t), np.uint64(s), np.uint64(b), np.uint64(first)
    position, at = np.uint64(position), np.uint64(at)
    rows, lines, plane, taps = np.uint64(rows), np.uint64(lines), np.uint64(plane), np.uint64(index.shape[0])
    if taps == _0:
        for p in range(lines):
            base = (position + p) * plane + first
            for i in range(rows):
                a[i, at + p] = x[t, s, b, base + i]
        return
    base, tap = first // taps * plane, first % taps
    for i in range(rows):
        for p in range(lines):
            place = index[tap, position + p]
            inside = np.uint64(max(place, 0))
            value = x[t, s, b, base + inside]
            a[i, at + p] = value if place >= 0 else np.float32(0.0)
        tap += np.uint64(1)
        if tap == taps:
            base, tap = base + plane, _0


@inlined
def square(a, squares, noise, rows, first, end, siemens, s, row, sums):
    """squares = f(a) for the vectors from first to end; returns how many rows are driven, and sum a^2 G.

    siemens (S, R); sums (vectors,) float64 is room for the sums of each.
    """
    used, energy = 0, 0.0
    sums[first:end] = 0.0
    rows, first, end = np.uint64(rows), np.uint64(first), np.uint64(end)
    s, row = np.uint64(s), np.uint64(row)
    for i in range(rows):
        many, g = np.int32(0), siemens[s, row + i]
        for p in range(first, end):
            x = a[i, p]
            on = np.int32(x != 0)
            squares[i, p] = noise[1] * (x * x) + noise[2] * abs(x) + noise[3] * np.float32(on)
            many += on
            sums[p] += np.float64(x * x) * g
        used += many
    for p in range(first, end):
        energy += sums[p]
    return used, energy


@bare
def add_tile(
    total, current, spread, a, squares, panel, volt, power, row, high, over, lines, z, cell, noise, floor,
    step, levels, curve, gain,
):  # fmt: skip
    """total += what a tile of `high` rows from `row` on gives, panel by panel; over (images,) += how many
    clipped.
    """
    images, columns = len(over), volt.shape[1]
    for column in range(0, columns, COLUMNS):
        pack(panel, volt, row, high, column)
        multiply_panel(current, a, panel, high, images * lines)
        if noise[0] > 0:
            pack(panel, power, row, high, column)
            multiply_panel(spread, squares, panel, high, images * lines)
            for v in range(images * lines if len(floor) > 0 else 0):
                for c in range(min(COLUMNS, columns - column)):
                    spread[v, c] += floor[column + c]
        for n in range(images):
            over[n] += add_converted(
                total,
                current,
                spread,
                z,
                n,
                lines,
                cell,
                columns,
                column,
                noise[0],
                step,
                levels,
                curve,
                gain,
            )


@parallel_kernel
def read_dense(
    x, index, plane, volt, power, noise, floor, keys, images, time, call, height, step, levels, curve, gain,
    rows_siemens, out, maps, counted,
):  # fmt: skip
    """Read every chip's array with every vector of numbers.

    x (T, S, B, F) in read voltages; index (taps, P): which of the `plane` values of a channel drives a row,
    -1 the border (empty: F = P R in the input's order, plane = R); volt, power (S, R, C); noise (4,), floor
    (S, K, C) as :func:`memsim.arrays.kernels.sparse.read_sparse` takes them; step (S, K), tiles of `height`
    rows; curve (S, K, P, C), P = 0 for ideal ADCs; gain (S, C); rows_siemens (S, R).  Normals are numbered
    (position, column) in each tile, that begins a block of its own, in each image, step (from `time`) and
    call.  Fills out and counted as :func:`memsim.arrays.kernels.sparse.read_sparse` does.
    """
    steps, chips, count, _ = x.shape
    rows, columns, tiles = volt.shape[1], volt.shape[2], step.shape[1]
    positions = out.shape[4] if maps else out.shape[3]
    together, part, stack = shares(count, positions)
    padded = (columns + COLUMNS - 1) // COLUMNS * COLUMNS
    blocks = (positions * columns + px.BLOCK - 1) // px.BLOCK  # of normals of a tile
    groups = (count + together - 1) // together
    for job in prange(steps * chips * groups):
        b0, s, t = job % groups * together, job // groups % chips, job // groups // chips
        here = min(together, count - b0)
        a, squares = np.zeros((height, stack), np.float32), np.zeros((height, stack), np.float32)
        panel = np.zeros((height, COLUMNS), np.float32)
        current, spread = np.zeros((stack, COLUMNS), np.float32), np.zeros((stack, COLUMNS), np.float32)
        total, sums = np.empty((stack, padded), np.float32), np.empty(stack, np.float64)
        scale = np.zeros(padded, np.float32)
        scale[:columns] = gain[s]
        words = np.empty((1, px.BLOCK), np.uint32)
        z = np.zeros((here, part * columns // px.BLOCK + 3, 1, px.BLOCK), np.float32)
        flat = z.reshape(here, -1)
        over = np.zeros(here, np.int64)
        for n in range(here):
            counted[t, s, b0 + n, :3] = 0.0
            counted[t, s, b0 + n, 3] = 0.0 if are_spikes(x[t, s, b0 + n]) else 1.0
        for first in range(0, positions, part):
            lines = min(part, positions - first)
            block = first * columns // px.BLOCK
            skip = first * columns - block * px.BLOCK
            wanted = (skip + lines * columns + px.BLOCK - 1) // px.BLOCK
            total[:] = 0.0
            for k in range(tiles):
                row = k * height
                high = min(height, rows - row)
                for n in range(here):
                    b, at = b0 + n, n * lines
                    lay_out(a, x, index, plane, t, s, b, row, high, first, lines, at)
                    used, energy = square(a, squares, noise, high, at, at + lines, rows_siemens, s, row, sums)
                    counted[t, s, b, 1] += used
                    counted[t, s, b, 2] += energy
                    if noise[0] > 0:
                        draw(z, n, wanted, words, keys[s], k * blocks + block, time + t, images[b], call)
                add_tile(
                    total, current, spread, a, squares, panel, volt[s], power[s], row, high, over, lines,
                    flat, skip, noise, floor[s, k], step[s, k], levels, curve[s, k], scale,
                )  # fmt: skip
            for n in range(here):
                store(out[t, s, b0 + n], maps, total, n * lines, lines, first)
        counted[t, s, b0 : b0 + here, 0] = over
