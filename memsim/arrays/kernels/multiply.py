"""The product of two small matrices, its sums kept in vector registers: an attention array's read.

Written in LLVM's own terms, as the sums of :mod:`memsim.arrays.kernels.sum_rows`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import signature
from numba.extending import intrinsic

from memsim.devices.numerics.compile import inlined

_LANES = 8  #: floats of a vector


def _multiplying(lines: int, vectors: int) -> Any:
    """out[i, c] = sum over j of a[i, j] v[j, c], for `lines` rows i from `line` and the 8 `vectors` columns c
    from `column`.

    float32 (N, M), (M, D) and (N, D), contiguous; nothing is checked.
    """

    @intrinsic
    def multiply_part(_, out, a, v, line, column):
        def codegen(context, builder, sig, args):
            to, left, right = (
                context.make_array(t)(context, builder, x)
                for t, x in zip(sig.args[:3], args[:3], strict=True)
            )
            line, column = args[3:]
            inner, width = (cgutils.unpack_tuple(builder, x.shape)[1] for x in (left, right))
            vector, whole = ir.VectorType(ir.FloatType(), _LANES), line.type
            one, fast = ir.Constant(whole, 1), ("contract",)
            rows = [builder.add(line, ir.Constant(whole, n)) for n in range(lines)]
            zero = ir.Constant(vector, None)
            sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(vectors)] for _ in rows]

            def places(base):
                for n in range(vectors):
                    place = builder.gep(base, [ir.Constant(whole, n * _LANES)])
                    yield builder.bitcast(place, vector.as_pointer())

            with cgutils.for_range_slice(builder, ir.Constant(whole, 0), inner, one, whole) as (j, _):
                base = builder.gep(right.data, [builder.add(builder.mul(j, width), column)])
                values = [builder.load(place, align=4) for place in places(base)]
                for row, line_sums in zip(rows, sums, strict=True):
                    cell = builder.load(builder.gep(left.data, [builder.add(builder.mul(row, inner), j)]))
                    lane = builder.insert_element(
                        ir.Constant(vector, ir.Undefined), cell, ir.Constant(ir.IntType(32), 0)
                    )
                    spread = builder.shuffle_vector(
                        lane,
                        ir.Constant(vector, ir.Undefined),
                        ir.Constant(ir.VectorType(ir.IntType(32), _LANES), None),
                    )
                    for total, value in zip(line_sums, values, strict=True):
                        product = builder.fmul(spread, value, flags=fast)
                        builder.store(builder.fadd(builder.load(total), product, flags=fast), total)
            for row, line_sums in zip(rows, sums, strict=True):
                base = builder.gep(to.data, [builder.add(builder.mul(row, width), column)])
                for total, place in zip(line_sums, places(base), strict=True):
                    builder.store(builder.load(total), place, align=4)
            return context.get_dummy_value()

        return signature(types.void, out, a, v, line, column), codegen

    return multiply_part


_2_by_32, _1_by_32 = _multiplying(2, 4), _multiplying(1, 4)
_8_by_8, _1_by_8 = _multiplying(8, 1), _multiplying(1, 1)


@inlined
def multiply(out, a, v):
    """out = a v."""
    lines, columns, c = len(a), v.shape[1], 0
    while c + 32 <= columns:
        for i in range(lines // 2):
            _2_by_32(out, a, v, 2 * i, c)
        if lines % 2:
            _1_by_32(out, a, v, lines - 1, c)
        c += 32
    while c + 8 <= columns:
        for i in range(lines // 8):
            _8_by_8(out, a, v, 8 * i, c)
        for i in range(lines - lines % 8, lines):
            _1_by_8(out, a, v, i, c)
        c += 8
    for i in range(lines):
        for column in range(c, columns):
            total = np.float32(0.0)
            for j in range(len(v)):
                total += a[i, j] * v[j, column]
            out[i, column] = total
