"""Which of a run of numbers are not 0, and which are neither 0 nor 1, as bits of a word.

Written in LLVM's own terms: a comparison of a vector is a word of bits, which no loop says as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import signature
from numba.extending import intrinsic

from memsim.devices.numerics.compile import bare


def _comparing(lanes: int, others: bool) -> Any:
    """Bit i < lanes is set where x[first + i] is not 0; with `others` where it is neither 0 nor 1.

    x float32 of any axes, its numbers one behind the other from first on; nothing is checked.
    """

    @intrinsic
    def bits(_, x, first):
        def codegen(context, builder, sig, args):
            array = context.make_array(sig.args[0])(context, builder, args[0])
            vector = ir.VectorType(ir.FloatType(), lanes)
            place = builder.bitcast(builder.gep(array.data, [args[1]]), vector.as_pointer())
            value = builder.load(place, align=4)
            wrong = builder.fmul(value, value) if others else ir.Constant(vector, None)
            found = builder.bitcast(builder.fcmp_unordered("!=", value, wrong), ir.IntType(lanes))
            return found if lanes == 64 else builder.zext(found, ir.IntType(64))

        return signature(types.uint64, x, first), codegen

    return bits


def _lowest_bit(_, bits):
    """Number of the lowest bit that is set."""

    def codegen(context, builder, sig, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return signature(types.uint64, bits), codegen


def _number_of_bits(_, bits):
    """How many bits are set."""

    def codegen(context, builder, sig, args):
        return builder.ctpop(args[0])

    return signature(types.uint64, bits), codegen


lowest: Any = intrinsic(_lowest_bit)
number: Any = intrinsic(_number_of_bits)
_nonzero_64, _nonzero_8, _nonzero_1 = (_comparing(lanes, False) for lanes in (64, 8, 1))
_others_8, _others_1 = _comparing(8, True), _comparing(1, True)


@bare
def nonzero(x, first, many):
    """Bit i < many is set where x[first + i] is not 0; many <= 64."""
    if many == 64:
        return _nonzero_64(x, first)
    bits, i = np.uint64(0), 0
    while i + 8 <= many:
        bits |= _nonzero_8(x, first + i) << np.uint64(i)
        i += 8
    while i < many:
        bits |= _nonzero_1(x, first + i) << np.uint64(i)
        i += 1
    return bits


@bare
def count(x, first, many):
    """How many of the `many` numbers from `first` on are not 0, and how many are neither 0 nor 1."""
    spikes, others, i = np.uint64(0), np.uint64(0), 0
    while i + 8 <= many:
        spikes += number(_nonzero_8(x, first + i))
        others += number(_others_8(x, first + i))
        i += 8
    while i < many:
        spikes += _nonzero_1(x, first + i)
        others += _others_1(x, first + i)
        i += 1
    return spikes, others
