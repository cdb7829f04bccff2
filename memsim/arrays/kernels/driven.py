"""Which rows of an array an image drives, listed position by position and tile by tile.

Lists lie one behind the other, with places for the `height` rows of a tile each: position p and tile k have
rows[n height : ends[n]], n = p tiles + k, in their order.
"""

import numpy as np

from memsim.arrays.kernels.spike_bits import lowest, nonzero
from memsim.devices.numerics.compile import bare, inlined


@inlined
def are_spikes(x):
    """Whether all are 0 or 1."""
    others = 0
    for i in range(len(x)):
        others += x[i] * x[i] != x[i]
    return others == 0


@bare
def list_vectors(x, numbers, every, height, ends, rows, drive, siemens):
    """List the driven rows of positions whose drives x lie one behind the other, `every` rows each; returns
    sum x^2 G over them.

    numbers: list their drives, too.  siemens (every,).
    """
    n, energy = 0, 0.0
    for base in range(0, len(x), every):
        for tile in range(0, every, height):
            low, high, count = tile, min(tile + height, every), np.uint64(n * height)
            while low < high:
                bits = nonzero(x, base + low, min(64, high - low))
                while bits != 0:
                    r = np.uint64(low) + lowest(bits)
                    rows[count] = r
                    if numbers:
                        value = x[np.uint64(base) + r]
                        drive[count] = value
                        energy += np.float64(value * value) * siemens[r]
                    else:
                        energy += siemens[r]
                    count += np.uint64(1)
                    bits &= bits - np.uint64(1)
                low += 64
            ends[n] = count
            n += 1
    return energy


@bare
def list_pixels(x, start, place, row, numbers, tile_of, ends, rows, drive, siemens):
    """List the driven rows of the output pixels of a convolution, by the reach of each value of a channel;
    returns sum x^2 G over them.

    place: number of the first list of a position; tile_of (rows,); ends: where each list begins; siemens
    (values,): sum of G over all rows that a value drives.
    """
    plane, energy = len(start) - 1, 0.0
    reach = len(tile_of) * plane // len(x)
    for c in range(len(x) // plane):
        base, values = np.uint32(c * reach), c * plane
        for low in range(0, plane, 64):
            bits = nonzero(x, values + low, min(64, plane - low))
            while bits != 0:
                f = np.uint64(low) + lowest(bits)
                bits &= bits - np.uint64(1)
                value = x[np.uint64(values) + f]
                energy += np.float64(value * value) * siemens[np.uint64(values) + f]
                for e in range(np.uint64(start[f]), np.uint64(start[f + np.uint64(1)])):
                    r = np.uint64(row[e] + base)
                    n = np.uint64(place[e] + tile_of[r])
                    at = np.uint64(ends[n])
                    rows[at] = r
                    if numbers:
                        drive[at] = value
                    ends[n] = at + np.uint64(1)
    return energy
