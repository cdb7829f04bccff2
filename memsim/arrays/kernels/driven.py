"""Which rows of an array an image drives, listed position by position and tile by tile.

Lists lie one behind the other, with places for the `height` rows of a tile each: position p and tile k have
rows[n height : ends[n]], n = p tiles + k, in their order.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import signature
from numba.extending import intrinsic

from memsim.devices.numerics.compile import bare, inlined


def _nonzero(_, x, first):
    """Bit i is set where x[first + i] is not 0; x float32, contiguous; nothing is checked."""

    def codegen(context, builder, sig, args):
        array = context.make_array(sig.args[0])(context, builder, args[0])
        vector = ir.VectorType(ir.FloatType(), 64)
        place = builder.bitcast(builder.gep(array.data, [args[1]]), vector.as_pointer())
        driven = builder.fcmp_unordered("!=", builder.load(place, align=4), ir.Constant(vector, None))
        return builder.bitcast(driven, ir.IntType(64))

    return signature(types.uint64, x, first), codegen


def _trailing_zeros(_, bits):
    """Number of the lowest bit that is set."""

    def codegen(context, builder, sig, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return signature(types.uint64, bits), codegen


_bits_of_64: Any = intrinsic(_nonzero)
_lowest: Any = intrinsic(_trailing_zeros)


@bare
def _driven(x, first, end):
    """Bit i is set where x[first + i] is not 0, i < 64, first + i < end."""
    if first + 64 <= end:
        return _bits_of_64(x, first)
    bits = np.uint64(0)
    for i in range(end - first):
        bits |= np.uint64(x[first + i] != 0) << np.uint64(i)
    return bits


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
                bits = _driven(x, base + low, base + min(low + 64, high))
                while bits != 0:
                    r = np.uint64(low) + _lowest(bits)
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
            bits = _driven(x, values + low, values + min(low + 64, plane))
            while bits != 0:
                f = np.uint64(low) + _lowest(bits)
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
