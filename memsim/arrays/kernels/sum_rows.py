"""Sums of listed rows of a matrix, kept in vector registers: the hot loop of every array read.

Written in LLVM's own terms: left to itself, LLVM asks before every few rows whether they overlap the sum,
which takes longer than adding them (57 rows of 32 columns: 163 ns, so 58 ns).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import signature
from numba.extending import intrinsic

from memsim.devices.numerics.compile import spliced

_LANES = 8  #: floats of a vector


def _summing(vectors: int) -> Any:
    """total[c] = sum of matrix[rows[i], c] over first <= i < end, for the 8 `vectors` columns from `column`.

    float32 (C,) and (R, C), uint32 (R,), all contiguous; nothing is checked.
    """

    @intrinsic
    def sum_columns(_, total, matrix, rows, first, end, column):
        def codegen(context, builder, sig, args):
            out, grid, listed = (
                context.make_array(t)(context, builder, a)
                for t, a in zip(sig.args[:3], args[:3], strict=True)
            )
            first, end, column = args[3:]
            width = cgutils.unpack_tuple(builder, grid.shape)[1]
            vector = ir.VectorType(ir.FloatType(), _LANES)
            sums = [cgutils.alloca_once_value(builder, ir.Constant(vector, None)) for _ in range(vectors)]

            def places(base):
                for v in range(vectors):
                    place = builder.gep(base, [ir.Constant(column.type, v * _LANES)])
                    yield builder.bitcast(place, vector.as_pointer())

            with cgutils.for_range_slice(builder, first, end, ir.Constant(first.type, 1), first.type) as (
                i,
                _,
            ):
                row = builder.zext(builder.load(builder.gep(listed.data, [i])), column.type)
                base = builder.gep(grid.data, [builder.add(builder.mul(row, width), column)])
                for total, place in zip(sums, places(base), strict=True):
                    builder.store(builder.fadd(builder.load(total), builder.load(place, align=4)), total)
            for total, place in zip(sums, places(builder.gep(out.data, [column])), strict=True):
                builder.store(builder.load(total), place, align=4)
            return context.get_dummy_value()

        return signature(types.void, total, matrix, rows, first, end, column), codegen

    return sum_columns


_sum_64, _sum_32, _sum_8 = _summing(8), _summing(4), _summing(1)


@spliced
def sum_rows(total, matrix, rows, first, end):
    """total[c] = sum of matrix[r, c] over the listed rows."""
    columns, c = len(total), 0
    while c + 64 <= columns:
        _sum_64(total, matrix, rows, first, end, c)
        c += 64
    while c + 32 <= columns:
        _sum_32(total, matrix, rows, first, end, c)
        c += 32
    while c + 8 <= columns:
        _sum_8(total, matrix, rows, first, end, c)
        c += 8
    while c < columns:
        value = np.float32(0.0)
        for i in range(first, end):
            value += matrix[rows[i], c]
        total[c] = value
        c += 1
