"""The product of a panel of drives and a panel of weights, its sums kept in vector registers.

Written in LLVM's own terms, as the sums of :mod:`memsim.arrays.kernels.sum_rows`.  Every element of a product
adds its rows in their order, one fused multiply and add after the other, whatever block it falls into: its
bits depend on its own drives and weights alone.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import signature
from numba.extending import intrinsic

from memsim.devices.numerics.compile import bare

_WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))
LANES = 16 if _WIDE else 8  #: floats of a vector
_VECTORS = 2
LINES = 8 if _WIDE else 4  #: vectors of drives that a block of the product has
COLUMNS = _VECTORS * LANES  #: columns of a panel


def _multiply_block(_, out, a, w, rows, line):
    """out[line + i, c] = sum over r < rows of a[r, line + i] w[r, c], for LINES of i and all COLUMNS of c.

    float32 (V, COLUMNS), (R, V) and (R, COLUMNS), contiguous; nothing is checked.
    """

    def codegen(context, builder, sig, args):
        to, left, right = (
            context.make_array(t)(context, builder, x) for t, x in zip(sig.args[:3], args[:3], strict=True)
        )
        rows, line = args[3:]
        width = cgutils.unpack_tuple(builder, left.shape)[1]
        vector, whole, short = ir.VectorType(ir.FloatType(), LANES), line.type, ir.IntType(32)
        zero, undefined, fast = ir.Constant(vector, None), ir.Constant(vector, ir.Undefined), ("contract",)
        everywhere = ir.Constant(ir.VectorType(short, LANES), None)
        sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(_VECTORS)] for _ in range(LINES)]

        def number(n):
            return ir.Constant(whole, n)

        def places(array, row):
            base = builder.gep(array.data, [builder.mul(row, number(COLUMNS))])
            for n in range(_VECTORS):
                yield builder.bitcast(builder.gep(base, [number(n * LANES)]), vector.as_pointer())

        with cgutils.for_range_slice(builder, number(0), rows, number(1), whole) as (r, _):
            values = [builder.load(place, align=4) for place in places(right, r)]
            drives = builder.gep(left.data, [builder.add(builder.mul(r, width), line)])
            for i, line_sums in enumerate(sums):
                cell = builder.load(builder.gep(drives, [number(i)]))
                lane = builder.insert_element(undefined, cell, ir.Constant(short, 0))
                spread = builder.shuffle_vector(lane, undefined, everywhere)
                for total, value in zip(line_sums, values, strict=True):
                    product = builder.fmul(spread, value, flags=fast)
                    builder.store(builder.fadd(builder.load(total), product, flags=fast), total)
        for i, line_sums in enumerate(sums):
            row = builder.add(line, number(i))
            for total, place in zip(line_sums, places(to, row), strict=True):
                builder.store(builder.load(total), place, align=4)
        return context.get_dummy_value()

    return signature(types.void, out, a, w, rows, line), codegen


_block: Any = intrinsic(_multiply_block)


@bare
def multiply_panel(out, a, w, rows, lines):
    """out = a^T w over the first `rows`: as many whole blocks as hold the first `lines`.

    out (V, COLUMNS), a (R, V), w (R, COLUMNS), V a multiple of LINES.
    """
    for line in range(0, lines, LINES):
        _block(out, a, w, rows, line)


def _copy_columns(_, panel, row, matrix, of, column):
    """panel[row, c] = matrix[of, column + c] for all COLUMNS; float32, contiguous; nothing is checked."""

    def codegen(context, builder, sig, args):
        to, source = (context.make_array(sig.args[n])(context, builder, args[n]) for n in (0, 2))
        row, of, column = args[1], *args[3:]
        whole, vector = row.type, ir.VectorType(ir.FloatType(), LANES)
        width = cgutils.unpack_tuple(builder, source.shape)[1]
        target = builder.gep(to.data, [builder.mul(row, ir.Constant(whole, COLUMNS))])
        origin = builder.gep(source.data, [builder.add(builder.mul(of, width), column)])
        for n in range(_VECTORS):
            step = [ir.Constant(whole, n * LANES)]
            place, found = (
                builder.bitcast(builder.gep(base, step), vector.as_pointer()) for base in (target, origin)
            )
            builder.store(builder.load(found, align=4), place, align=4)
        return context.get_dummy_value()

    return signature(types.void, panel, row, matrix, of, column), codegen


_copy: Any = intrinsic(_copy_columns)


@bare
def pack(panel, matrix, first, rows, column):
    """Copy a panel of columns of a matrix, its rows from `first` on; zeros beyond the last column."""
    wide = min(COLUMNS, matrix.shape[1] - column)
    if wide == COLUMNS:
        for i in range(rows):
            _copy(panel, i, matrix, first + i, column)
        return
    panel[:] = 0.0
    for i in range(rows):
        for c in range(wide):
            panel[i, c] = matrix[first + i, column + c]
