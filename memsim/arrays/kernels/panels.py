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

from memsim.devices.numerics.compile import inlined

_WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))
_LANES = 16 if _WIDE else 8  #: floats of a vector
LINES = 8 if _WIDE else 4  #: vectors of drives that a block of the product has
COLUMNS = 32  #: columns of a panel


def _multiplying(vectors: int) -> Any:
    """out[line + i, column + c] = sum over r < rows of a[r, line + i] w[r, column + c], for LINES of i and
    as many c as the `vectors` hold.

    float32 (V, COLUMNS), (R, V) and (R, COLUMNS), contiguous; nothing is checked.
    """

    @intrinsic
    def multiply_block(_, out, a, w, rows, line, column):
        def codegen(context, builder, sig, args):
            to, left, right = (
                context.make_array(t)(context, builder, x)
                for t, x in zip(sig.args[:3], args[:3], strict=True)
            )
            rows, line, column = args[3:]
            width = cgutils.unpack_tuple(builder, left.shape)[1]
            vector, whole, short = ir.VectorType(ir.FloatType(), _LANES), line.type, ir.IntType(32)
            undefined, fast = ir.Constant(vector, ir.Undefined), ("contract",)
            everywhere = ir.Constant(ir.VectorType(short, _LANES), None)
            zero = ir.Constant(vector, None)
            sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(vectors)] for _ in range(LINES)]

            def number(n):
                return ir.Constant(whole, n)

            def places(base):
                for n in range(vectors):
                    yield builder.bitcast(builder.gep(base, [number(n * _LANES)]), vector.as_pointer())

            with cgutils.for_range_slice(builder, number(0), rows, number(1), whole) as (r, _):
                base = builder.gep(right.data, [builder.add(builder.mul(r, number(COLUMNS)), column)])
                values = [builder.load(place, align=4) for place in places(base)]
                drives = builder.gep(left.data, [builder.add(builder.mul(r, width), line)])
                for i, line_sums in enumerate(sums):
                    cell = builder.load(builder.gep(drives, [number(i)]))
                    lane = builder.insert_element(undefined, cell, ir.Constant(short, 0))
                    spread = builder.shuffle_vector(lane, undefined, everywhere)
                    for total, value in zip(line_sums, values, strict=True):
                        product = builder.fmul(spread, value, flags=fast)
                        builder.store(builder.fadd(builder.load(total), product, flags=fast), total)
            for i, line_sums in enumerate(sums):
                row = builder.mul(builder.add(line, number(i)), number(COLUMNS))
                base = builder.gep(to.data, [builder.add(row, column)])
                for total, place in zip(line_sums, places(base), strict=True):
                    builder.store(builder.load(total), place, align=4)
            return context.get_dummy_value()

        return signature(types.void, out, a, w, rows, line, column), codegen

    return multiply_block


_block = _multiplying(COLUMNS // _LANES if _WIDE else 2)


@inlined
def multiply_panel(out, a, w, rows, lines, columns):
    """out = a^T w over the first `rows`: as many whole blocks as hold the first `lines` and `columns`.

    out (V, COLUMNS), a (R, V), w (R, COLUMNS), V a multiple of LINES.
    """
    for line in range(0, lines, LINES):
        for column in range(0, columns, COLUMNS if _WIDE else 2 * _LANES):
            _block(out, a, w, rows, line, column)
