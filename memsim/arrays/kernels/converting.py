"""Noise, conversion and storing of currents, as the reads of spikes and of numbers do it."""

import numpy as np

from memsim.arrays.kernels.curves import number_of
from memsim.arrays.kernels.panels import COLUMNS
from memsim.devices.numerics import philox as px
from memsim.devices.numerics.compile import bare
from memsim.wires.lanes import LANES, transpose


@bare
def add_noise(current, variance, noise, xi, first, cell, many):
    """current += noise sqrt(variance) xi, `many` cells from `first`, from `cell` of xi (1, cells)."""
    first, cell = np.uint64(first), np.uint64(cell)
    for i in range(np.uint64(many)):
        current[first + i] += noise * np.sqrt(variance[first + i]) * xi[np.uint64(0), cell + i]


@bare
def convert(current, first, step, levels, curve, gain, out, line):
    """out[line] += gain ADC(current), of the columns from `first` on; returns how many clipped.

    levels = 0: no rounding; curve (P, C): of each column's ADC, ideal where it is empty.
    """
    inverse = np.float32(1.0) / step
    over, first, line = np.int32(0), np.uint64(first), np.uint64(line)
    if len(curve) > 0:
        for c in range(np.uint64(len(gain))):
            number, clipped = number_of(current[first + c] * inverse, curve, c, levels)
            over += clipped
            out[line, c] += number * step * gain[c]
    elif levels > 0:
        for c in range(np.uint64(len(gain))):
            code = np.rint(current[first + c] * inverse)
            kept = min(max(code, -levels), levels)
            over = np.int32(over + (code != kept))
            out[line, c] += kept * step * gain[c]
    else:
        for c in range(np.uint64(len(gain))):
            out[line, c] += current[first + c] * gain[c]
    return over


@bare
def draw(z, n, wanted, words, key, block, step, image, call):
    """Fill the first `wanted` of z[n] (blocks, 1, 256) with normals from `block` on."""
    for i in range(wanted):
        px.normals(z[n, i], words, key, block + i, step, image, call, 1)


@bare
def add_converted(
    total, current, spread, z, n, lines, cell, columns, column, noise, step, levels, curve, gain
):
    """total += gain ADC(current + noise sqrt(spread) z), for the `lines` of image n, COLUMNS from
    `column`; returns how many clipped.

    z[n, cell] is of the image's first line and column.  levels = 0: no rounding; curve: see `convert`.
    """
    inverse, over = np.float32(1.0) / step, 0
    n, cell, columns, column = np.uint64(n), np.uint64(cell), np.uint64(columns), np.uint64(column)
    lines = np.uint64(lines)
    for p in range(lines):
        v, at, clipped = n * lines + p, cell + p * columns + column, np.int32(0)
        if len(curve) > 0:
            for c in range(min(np.uint64(COLUMNS), columns - column)):
                now = current[v, c] + noise * np.sqrt(spread[v, c]) * z[n, at + c]
                number, beyond = number_of(now * inverse, curve, column + c, levels)
                clipped += beyond
                total[v, column + c] += number * step * gain[column + c]
        elif levels > 0:
            for c in range(np.uint64(COLUMNS)):
                code = np.rint((current[v, c] + noise * np.sqrt(spread[v, c]) * z[n, at + c]) * inverse)
                kept = min(max(code, -levels), levels)
                clipped = np.int32(clipped + (code != kept))
                total[v, column + c] += kept * step * gain[column + c]
        else:
            for c in range(np.uint64(COLUMNS)):
                now = current[v, c] + noise * np.sqrt(spread[v, c]) * z[n, at + c]
                total[v, column + c] += now * gain[column + c]
        over += clipped
    return over


@bare
def store(out, maps, numbers, line, lines, first):
    """Store `lines` of numbers from `line` as positions from `first` of out (P, C), or (C, P) for `maps`."""
    if maps:
        width, planes, whole = numbers.shape[1], len(out) // LANES * LANES, lines // LANES * LANES
        for c in range(0, planes, LANES):
            for p in range(0, whole, LANES):
                at = c * out.shape[1] + first + p
                transpose(out, at, out.shape[1], numbers, (line + p) * width + c, width)
        for c in range(len(out)):
            for p in range(whole if c < planes else 0, lines):
                out[c, first + p] = numbers[line + p, c]
    else:
        for p in range(lines):
            for c in range(out.shape[1]):
                out[first + p, c] = numbers[line + p, c]
