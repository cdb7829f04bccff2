"""Sums of listed rows of matrices, kept in vector registers: the hot loop of reads whose rows carry spikes.

Written in LLVM's own terms: left to itself, LLVM asks before every few rows whether they overlap the sum,
which takes longer than adding them.  Every column adds its rows in their order, whatever block it falls into.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import signature
from numba.extending import intrinsic

from memsim.arrays.kernels.panels import LANES
from memsim.devices.numerics.compile import bare


def _summing(lanes: int, vectors: int) -> Any:
    """total[at + c] = sum over first <= i < end of matrix[rows[i], column + c], for `vectors` of `lanes` c.

    float32 (N,) and (R, C), uint32 rows, all contiguous; nothing is checked.
    """

    @intrinsic
    def sum_columns(_, total, at, matrix, rows, first, end, column):
        def codegen(context, builder, sig, args):
            to, grid, listed = (context.make_array(sig.args[n])(context, builder, args[n]) for n in (0, 2, 3))
            at, first, end, column = args[1], *args[4:]
            whole, vector = column.type, ir.VectorType(ir.FloatType(), lanes)
            width = cgutils.unpack_tuple(builder, grid.shape)[1]

            def places(array, start):
                base = builder.gep(array.data, [start])
                for n in range(vectors):
                    place = builder.gep(base, [ir.Constant(whole, n * lanes)])
                    yield builder.bitcast(place, vector.as_pointer())

            zero = ir.Constant(vector, None)
            sums = [cgutils.alloca_once_value(builder, zero) for _ in range(vectors)]
            with cgutils.for_range_slice(builder, first, end, ir.Constant(whole, 1), whole) as (i, _):
                row = builder.zext(builder.load(builder.gep(listed.data, [i])), whole)
                start = builder.add(builder.mul(row, width), column)
                for place, one in zip(places(grid, start), sums, strict=True):
                    builder.store(builder.fadd(builder.load(one), builder.load(place, align=4)), one)
            for place, one in zip(places(to, at), sums, strict=True):
                builder.store(builder.load(one), place, align=4)
            return context.get_dummy_value()

        return signature(types.void, total, at, matrix, rows, first, end, column), codegen

    return sum_columns


BLOCK = 4 * LANES  #: columns that :func:`sum_rows` sums
_sum_4, _sum_2, _sum_1, _sum_8 = (_summing(*form) for form in ((LANES, 4), (LANES, 2), (LANES, 1), (8, 1)))


@bare
def sum_rows(total, at, matrix, rows, first, end, column):
    """total[at + c] = sum of matrix[r, c] over the listed rows r = rows[first:end], BLOCK columns from
    `column`, or as many as there are.
    """
    c, columns = column, min(column + BLOCK, matrix.shape[1])
    if c + 4 * LANES <= columns:
        _sum_4(total, at + c, matrix, rows, first, end, c)
        return
    if c + 2 * LANES <= columns:
        _sum_2(total, at + c, matrix, rows, first, end, c)
        c += 2 * LANES
    if c + LANES <= columns:
        _sum_1(total, at + c, matrix, rows, first, end, c)
        c += LANES
    if c + 8 <= columns:
        _sum_8(total, at + c, matrix, rows, first, end, c)
        c += 8
    for rest in range(c, columns):
        value = np.float32(0.0)
        for i in range(first, end):
            value += matrix[rows[i], rest]
        total[at + rest] = value
