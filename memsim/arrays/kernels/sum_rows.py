"""Sums of listed rows of matrices, kept in vector registers: the hot loop of reads whose rows carry spikes.

Written in LLVM's own terms: left to itself, LLVM asks before every few rows whether they overlap the sum,
which takes longer than adding them.  Every column adds its rows in their order, whatever block it falls into.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import signature
from numba.extending import intrinsic

from memsim.arrays.kernels.panels import LANES
from memsim.devices.numerics.compile import bare


def _summing(lanes: int, vectors: int, matrices: int) -> Any:
    """total[at + c] += sum over first <= i < end of matrix[rows[i], column + c], for `vectors` of `lanes` c;
    with two matrices likewise spread, of power, on the way.

    float32 (N,) and (R, C), uint32 rows, all contiguous; nothing is checked.
    """

    @intrinsic
    def sum_columns(_, total, spread, at, matrix, power, rows, first, end, column):
        def codegen(context, builder, sig, args):
            to, too, grid, other, listed = (
                context.make_array(sig.args[n])(context, builder, args[n]) for n in (0, 1, 3, 4, 5)
            )
            outs, grids = (to, too)[:matrices], (grid, other)[:matrices]
            at, first, end, column = args[2], *args[6:]
            whole, vector = column.type, ir.VectorType(ir.FloatType(), lanes)
            width = cgutils.unpack_tuple(builder, grid.shape)[1]

            def places(array, start):
                base = builder.gep(array.data, [start])
                for n in range(vectors):
                    place = builder.gep(base, [ir.Constant(whole, n * lanes)])
                    yield builder.bitcast(place, vector.as_pointer())

            sums = [
                [
                    cgutils.alloca_once_value(builder, builder.load(place, align=4))
                    for place in places(out, at)
                ]
                for out in outs
            ]
            with cgutils.for_range_slice(builder, first, end, ir.Constant(whole, 1), whole) as (i, _):
                row = builder.zext(builder.load(builder.gep(listed.data, [i])), whole)
                start = builder.add(builder.mul(row, width), column)
                for array, own in zip(grids, sums, strict=True):
                    for place, one in zip(places(array, start), own, strict=True):
                        builder.store(builder.fadd(builder.load(one), builder.load(place, align=4)), one)
            for out, own in zip(outs, sums, strict=True):
                for place, one in zip(places(out, at), own, strict=True):
                    builder.store(builder.load(one), place, align=4)
            return context.get_dummy_value()

        arrays = total, spread, at, matrix, power, rows
        return signature(types.void, *arrays, first, end, column), codegen

    return sum_columns


_FORMS = ((LANES, 4), (LANES, 2), (LANES, 1), (8, 1))
_sum_4, _sum_2, _sum_1, _sum_8 = (_summing(*form, 1) for form in _FORMS)
_both_4, _both_2, _both_1, _both_8 = (_summing(*form, 2) for form in _FORMS)


@bare
def sum_rows(total, at, matrix, rows, first, end):
    """total[at + c] += sum of matrix[r, c] over the listed rows r = rows[first:end]."""
    columns, c = matrix.shape[1], 0
    while c + 4 * LANES <= columns:
        _sum_4(total, total, at + c, matrix, matrix, rows, first, end, c)
        c += 4 * LANES
    if c + 2 * LANES <= columns:
        _sum_2(total, total, at + c, matrix, matrix, rows, first, end, c)
        c += 2 * LANES
    if c + LANES <= columns:
        _sum_1(total, total, at + c, matrix, matrix, rows, first, end, c)
        c += LANES
    if c + 8 <= columns:
        _sum_8(total, total, at + c, matrix, matrix, rows, first, end, c)
        c += 8
    _sum_rest(total, at, matrix, rows, first, end, c)


@bare
def sum_both(total, spread, at, matrix, power, rows, first, end):
    """The same of two matrices of one shape: spread[at + c] += sum of power[r, c]."""
    columns, c = matrix.shape[1], 0
    while c + 4 * LANES <= columns:
        _both_4(total, spread, at + c, matrix, power, rows, first, end, c)
        c += 4 * LANES
    if c + 2 * LANES <= columns:
        _both_2(total, spread, at + c, matrix, power, rows, first, end, c)
        c += 2 * LANES
    if c + LANES <= columns:
        _both_1(total, spread, at + c, matrix, power, rows, first, end, c)
        c += LANES
    if c + 8 <= columns:
        _both_8(total, spread, at + c, matrix, power, rows, first, end, c)
        c += 8
    _sum_rest(total, at, matrix, rows, first, end, c)
    _sum_rest(spread, at, power, rows, first, end, c)


@bare
def _sum_rest(total, at, matrix, rows, first, end, column):
    for c in range(column, matrix.shape[1]):
        value = total[at + c]
        for i in range(first, end):
            value += matrix[rows[i], c]
        total[at + c] = value
