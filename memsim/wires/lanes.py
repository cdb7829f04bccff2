"""Vectors of eight numbers in LLVM's own terms: sums over inputs, transpositions.

A loop over lanes in Python's terms is not vectorised, since its arrays might overlap.
"""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import signature
from numba.extending import intrinsic

from memsim.devices.numerics.compile import bare

LANES = 8  #: float64 of a vector
as_intrinsic: Any = intrinsic  # its calls leave out the first argument, the typing context
VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_UNDEFINED = ir.Constant(VECTOR, ir.Undefined)


def _indices(places: Any) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(places))


def place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Where the vector that begins at an index of an array's data stands."""
    data = context.make_array(kind)(context, builder, array).data
    element = ir.FloatType() if kind.dtype == types.float32 else ir.DoubleType()
    return builder.bitcast(builder.gep(data, [index]), ir.VectorType(element, LANES).as_pointer())


def spread(builder: Any, number: Any) -> Any:
    """A vector of a number in every lane."""
    lane = builder.insert_element(_UNDEFINED, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(lane, _UNDEFINED, _indices([0] * LANES))


@as_intrinsic
def mix(_: Any, out: Any, o: Any, a: Any, x: Any, i: Any, b: Any, y: Any, j: Any) -> Any:
    """out[o + l] = a x[i + l] + b y[j + l] for the eight lanes l.

    out, x, y: flat contiguous float64, which may be the same; a, b: float64. No index is checked.
    """

    def codegen(context, builder, sig, args):
        def term(factor, array, index):
            at = place(context, builder, sig.args[array], args[array], args[index])
            return builder.fmul(spread(builder, args[factor]), builder.load(at, align=8), flags=("contract",))

        total = builder.fadd(term(2, 3, 4), term(5, 6, 7), flags=("contract",))
        builder.store(total, place(context, builder, sig.args[0], args[0], args[1]), align=8)
        return context.get_dummy_value()

    index, number = types.intp, types.float64
    return signature(types.void, out, index, number, x, index, number, y, index), codegen


@as_intrinsic
def transpose(_: Any, out: Any, o: Any, out_step: Any, x: Any, i: Any, x_step: Any) -> Any:
    """out[o + k out_step + l] = x[i + l x_step + k] for k and l from 0 to 7.

    out, x: contiguous, both float64 or both float32, that do not overlap; no index is checked.
    """

    def codegen(context, builder, sig, args):
        def line(array, index, step, row):
            at = builder.add(args[index], builder.mul(args[step], ir.Constant(args[step].type, row)))
            return place(context, builder, sig.args[array], args[array], at)

        rows = [builder.load(line(3, 4, 5, row), align=4) for row in range(LANES)]
        for half in (4, 2, 1):  # exchange the off-diagonal quarters of squares of 2 half
            for r in (r for r in range(LANES) if not r & half):
                a, b = rows[r], rows[r + half]
                low = [c if not c & half else LANES + c - half for c in range(LANES)]
                high = [c + half if not c & half else LANES + c for c in range(LANES)]
                rows[r] = builder.shuffle_vector(a, b, _indices(low))
                rows[r + half] = builder.shuffle_vector(a, b, _indices(high))
        for row, vector in enumerate(rows):
            builder.store(vector, line(0, 1, 2, row), align=4)
        return context.get_dummy_value()

    index = types.intp
    return signature(types.void, out, index, index, x, index, index), codegen


@bare
def turn(to, x):
    """to (C, R) = x (R, C) transposed; both contiguous float64 that do not overlap."""
    rows, columns = x.shape
    whole_rows, whole_columns = rows // LANES * LANES, columns // LANES * LANES
    for r in range(0, whole_rows, LANES):
        for c in range(0, whole_columns, LANES):
            transpose(to, c * rows + r, rows, x, r * columns + c, columns)
    for r in range(rows):
        for c in range(whole_columns if r < whole_rows else 0, columns):
            to[c, r] = x[r, c]
