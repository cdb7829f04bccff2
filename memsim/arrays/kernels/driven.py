"""Which rows of an array an image drives, listed position by position.

Lists of all positions lie one behind the other, R places each: position p has rows[p R : p R + many[p]], in
their order.
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
def list_vectors(x, numbers, height, many, rows, drive):
    """List the driven rows of positions whose drives x lie one behind the other, R = `height` each.

    numbers: list their drives, too.
    """
    for p in range(len(many)):
        at = p * height
        first = count = np.uint64(at)
        for low in range(0, height, 64):
            bits = _driven(x, at + low, at + min(low + 64, height))
            while bits != 0:
                r = np.uint64(low) + _lowest(bits)
                rows[count] = r
                if numbers:
                    drive[count] = x[np.uint64(at) + r]
                count += np.uint64(1)
                bits &= bits - np.uint64(1)
        many[p] = count - first


@bare
def list_pixels(x, start, position, row, numbers, height, many, rows, drive):
    """List the driven rows of the output pixels of a convolution, by the reach of each value of a channel."""
    plane = len(start) - 1
    reach = height * plane // len(x)
    for c in range(len(x) // plane):
        base, values = np.uint32(c * reach), c * plane
        for low in range(0, plane, 64):
            bits = _driven(x, values + low, values + min(low + 64, plane))
            while bits != 0:
                f = np.uint64(low) + _lowest(bits)
                bits &= bits - np.uint64(1)
                for e in range(np.uint64(start[f]), np.uint64(start[f + np.uint64(1)])):
                    p = np.uint64(position[e])
                    at = p * np.uint64(height) + np.uint64(many[p])
                    rows[at] = row[e] + base
                    if numbers:
                        drive[at] = x[np.uint64(values) + f]
                    many[p] += np.uint32(1)


@bare
def dissipated(rows, drive, numbers, height, many, siemens):
    """How many rows all positions drive, and sum x^2 G over them; x = 1 where drives are no numbers."""
    used, total, other = 0, 0.0, 0.0  # two sums side by side, for speed
    for p in range(len(many)):
        at, number = p * height, np.int64(many[p])
        used += number
        if numbers:
            for i in range(at, at + number):
                total += drive[i] * drive[i] * siemens[rows[i]]
        else:
            for i in range(at, at + number - 1, 2):
                total += siemens[rows[i]]
                other += siemens[rows[i + 1]]
            if number % 2:
                total += siemens[rows[at + number - 1]]
    return used, total + other
