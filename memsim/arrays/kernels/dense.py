"""The read of arrays whose rows carry numbers: most rows are driven, so whole panels are multiplied.

A job is one array, one step and so many images that about VECTORS of drives share a pass over the weights.
For each row tile the drives are laid out, (rows, vectors), then panels of columns are multiplied and
converted while they are in the cache.
"""

from pathlib import Path

import numpy as np
from numba import prange

from memsim import devices
from memsim.arrays.kernels.cpu import are_spikes
from memsim.arrays.kernels.panels import COLUMNS, LINES, multiply_panel
from memsim.devices.numerics import philox as px
from memsim.devices.numerics.compile import drop_stale_cache, inlined, parallel_kernel

VECTORS = 64  #: of drives that share a pass over the weights; an image that has more is read in parts


@inlined
def lay_out(a, x, index, plane, first, rows, position, lines, at):
    """a[i, at + p] = the drive of row first + i at position + p, of an image x: (R, P) as they lie, where
    index is empty, else gathered, 0 at the border.
    """
    if index.size == 0:
        height = plane
        for p in range(lines):
            base = (position + p) * height + first
            for i in range(rows):
                a[i, at + p] = x[base + i]
        return
    taps = index.shape[0]
    for i in range(rows):
        channel, tap = (first + i) // taps, (first + i) % taps
        values, places, line = x[channel * plane :], index[tap], a[i]
        for p in range(lines):
            place = places[position + p]
            line[at + p] = values[max(place, 0)] if place >= 0 else np.float32(0.0)


@inlined
def square(a, squares, rows, first, end, siemens, sums):
    """squares = a^2 for the vectors from first to end; returns how many rows are driven, and sum a^2 G.

    sums (vectors,) float64 is room for the sums of each.
    """
    used, energy = 0, 0.0
    sums[first:end] = 0.0
    for i in range(rows):
        line, out, each = a[i, first:end], squares[i, first:end], sums[first:end]
        many, g = np.int32(0), siemens[i]
        for p in range(len(line)):
            out[p] = line[p] * line[p]
            many += np.int32(line[p] != 0)
            each[p] += np.float64(out[p]) * g
        used += many
    for p in range(first, end):
        energy += sums[p]
    return used, energy


@inlined
def draw(z, words, key, block, step, image, call):
    """Fill z (blocks, 1, 256) with normals from `block` on."""
    for n in range(len(z)):
        px.normals(z[n], words, key, block + n, step, image, call, 1)


@inlined
def pack(panel, matrix, first, rows, column):
    """Copy a panel of columns, zeros beyond the last."""
    wide = min(COLUMNS, matrix.shape[1] - column)
    for i in range(rows):
        line, out = matrix[first + i], panel[i]
        if wide == COLUMNS:
            for c in range(COLUMNS):
                out[c] = line[column + c]
        else:
            for c in range(wide):
                out[c] = line[column + c]


@inlined
def add_converted(total, current, spread, z, noise, step, levels, gain):
    """total += gain ADC(current + noise sqrt(spread) z); returns how many clipped.  levels = 0: no rounding;
    no noise where z is empty.
    """
    inverse, over = np.float32(1.0) / step, np.int32(0)
    if len(z):
        for c in range(len(total)):
            current[c] += noise * np.sqrt(spread[c]) * z[c]
    if levels > 0:
        for c in range(len(total)):
            code = np.rint(current[c] * inverse)
            kept = min(max(code, -levels), levels)
            over += np.int32(code != kept)
            total[c] += kept * step * gain[c]
    else:
        for c in range(len(total)):
            total[c] += current[c] * gain[c]
    return over


@parallel_kernel
def read_dense(
    x, index, plane, volt, power, noise, keys, images, time, call, height, step, levels, gain, rows_siemens,
    out, maps, counted,
):  # fmt: skip
    """Read every chip's array with every vector of numbers.

    x (T, S, B, F) in read voltages; index (taps, P): which of the `plane` values of a channel drives a row,
    -1 the border (empty: F = P R as they lie, plane = R); volt, power (S, R, C); step (S, K), tiles of
    `height` rows; gain (S, C); rows_siemens (S, R).  Normals are numbered (position, column) in each tile,
    that begins a block of its own, in each image, step (from `time`) and call.  Fills out and counted as
    :func:`memsim.arrays.kernels.cpu.read_array` does.
    """
    steps, chips, count, _ = x.shape
    rows, columns, tiles = volt.shape[1], volt.shape[2], step.shape[1]
    positions = out.shape[4] if maps else out.shape[3]
    together = max(1, min(count, VECTORS // max(positions, 1)))  # images of a job
    parts = (positions + VECTORS - 1) // VECTORS
    part = (positions + parts - 1) // parts  # positions that an image brings at a time
    stack = (together * part + LINES - 1) // LINES * LINES
    blocks = (positions * columns + px.BLOCK - 1) // px.BLOCK  # of normals of a tile
    groups = (count + together - 1) // together
    for job in prange(steps * chips * groups):
        b0, s, t = job % groups * together, job // groups % chips, job // groups // chips
        here = min(together, count - b0)
        a, squares = np.zeros((height, stack), np.float32), np.zeros((height, stack), np.float32)
        panel = np.zeros((height, COLUMNS), np.float32)
        current, spread = np.empty((stack, COLUMNS), np.float32), np.empty((stack, COLUMNS), np.float32)
        total, sums = np.empty((stack, columns), np.float32), np.empty(stack, np.float64)
        words = np.empty((1, px.BLOCK), np.uint32)
        z = np.empty((here, (part * columns) // px.BLOCK + 2, 1, px.BLOCK), np.float32)
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
                    lay_out(a, x[t, s, b], index, plane, row, high, first, lines, at)
                    used, energy = square(a, squares, high, at, at + lines, rows_siemens[s, row:], sums)
                    counted[t, s, b, 1] += used
                    counted[t, s, b, 2] += energy
                    if noise > 0:
                        draw(z[n, :wanted], words, keys[s], k * blocks + block, time + t, images[b], call)
                for column in range(0, columns, COLUMNS):
                    wide = min(COLUMNS, columns - column)
                    pack(panel, volt[s], row, high, column)
                    multiply_panel(current, a, panel, high, here * lines, wide)
                    if noise > 0:
                        pack(panel, power[s], row, high, column)
                        multiply_panel(spread, squares, panel, high, here * lines, wide)
                    end = column + wide
                    for n in range(here):
                        flat, over = z[n].reshape(-1), 0
                        for p in range(lines):
                            v, cell = n * lines + p, skip + p * columns + column
                            over += add_converted(
                                total[v, column:end], current[v, :wide], spread[v, :wide],
                                flat[cell : cell + (wide if noise > 0 else 0)],
                                noise, step[s, k], levels, gain[s, column:end],
                            )  # fmt: skip
                        counted[t, s, b0 + n, 0] += over
            for n in range(here):
                done = total[n * lines : n * lines + lines]
                if maps:
                    for c in range(columns):
                        for p in range(lines):
                            out[t, s, b0 + n, c, first + p] = done[p, c]
                else:
                    out[t, s, b0 + n, first : first + lines] = done


drop_stale_cache(Path(__file__).parent, Path(devices.__file__).parent)
