"""Vectors of eight numbers in LLVM's own terms: sums over inputs, transpositions, ladders of lines.

A loop over lanes in Python's terms is not vectorised, since its arrays might overlap.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import signature
from numba.extending import intrinsic

from memsim.devices.numerics.compile import bare

LANES = 8  #: float64 of a vector


_intrinsic: Any = intrinsic  # its calls leave out the first argument, the typing context
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_UNDEFINED = ir.Constant(_VECTOR, ir.Undefined)


def _indices(places: Any) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(places))


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Where the vector that begins at an index of an array's data stands."""
    data = context.make_array(kind)(context, builder, array).data
    element = ir.FloatType() if kind.dtype == types.float32 else ir.DoubleType()
    return builder.bitcast(builder.gep(data, [index]), ir.VectorType(element, LANES).as_pointer())


@_intrinsic
def mix(_: Any, out: Any, o: Any, a: Any, x: Any, i: Any, b: Any, y: Any, j: Any) -> Any:
    """out[o + l] = a x[i + l] + b y[j + l] for the eight lanes l.

    out, x, y: flat contiguous float64, which may be the same; a, b: float64. No index is checked.
    """

    def codegen(context, builder, sig, args):
        def term(factor, array, index):
            lane = builder.insert_element(_UNDEFINED, args[factor], ir.Constant(ir.IntType(32), 0))
            spread = builder.shuffle_vector(lane, _UNDEFINED, _indices([0] * LANES))
            at = _place(context, builder, sig.args[array], args[array], args[index])
            return builder.fmul(spread, builder.load(at, align=8), flags=("contract",))

        total = builder.fadd(term(2, 3, 4), term(5, 6, 7), flags=("contract",))
        builder.store(total, _place(context, builder, sig.args[0], args[0], args[1]), align=8)
        return context.get_dummy_value()

    index, number = types.intp, types.float64
    return signature(types.void, out, index, number, x, index, number, y, index), codegen


@_intrinsic
def transpose(_: Any, out: Any, o: Any, out_step: Any, x: Any, i: Any, x_step: Any) -> Any:
    """out[o + k out_step + l] = x[i + l x_step + k] for k and l from 0 to 7.

    out, x: contiguous, both float64 or both float32, that do not overlap; no index is checked.
    """

    def codegen(context, builder, sig, args):
        def place(array, index, step, row):
            at = builder.add(args[index], builder.mul(args[step], ir.Constant(args[step].type, row)))
            return _place(context, builder, sig.args[array], args[array], at)

        rows = [builder.load(place(3, 4, 5, row), align=4) for row in range(LANES)]
        for half in (4, 2, 1):  # exchange the off-diagonal quarters of squares of 2 half
            for r in (r for r in range(LANES) if not r & half):
                a, b = rows[r], rows[r + half]
                low = [c if not c & half else LANES + c - half for c in range(LANES)]
                high = [c + half if not c & half else LANES + c for c in range(LANES)]
                rows[r] = builder.shuffle_vector(a, b, _indices(low))
                rows[r + half] = builder.shuffle_vector(a, b, _indices(high))
        for row, vector in enumerate(rows):
            builder.store(vector, place(0, 1, 2, row), align=4)
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


FAR = 1e-250  #: what :func:`climb` starts from [V]


def _climbing(vectors: int) -> Any:
    """The ladders of `vectors` of lines side by side, see :func:`climb`."""

    @_intrinsic
    def climb_part(_, volt, g, at, rows, step, ohm, share, source):
        def codegen(context, builder, sig, args):
            at, rows, step, ohm, share = args[2:7]
            whole = at.type

            def spread(number):
                lane = builder.insert_element(_UNDEFINED, number, ir.Constant(ir.IntType(32), 0))
                return builder.shuffle_vector(lane, _UNDEFINED, _indices([0] * LANES))

            def place(array, index, n):
                where = builder.add(index, ir.Constant(whole, n * LANES))
                return _place(context, builder, sig.args[array], args[array], where)

            start, zero = ir.Constant(_VECTOR, [FAR] * LANES), ir.Constant(_VECTOR, None)
            volts = [cgutils.alloca_once_value(builder, start) for _ in range(vectors)]
            currents = [cgutils.alloca_once_value(builder, zero) for _ in range(vectors)]
            ohm, share, last = spread(ohm), spread(share), builder.sub(rows, ir.Constant(whole, 1))
            with cgutils.for_range(builder, rows) as loop:
                row = builder.add(at, builder.mul(builder.sub(last, loop.index), step))
                for n, (v, i) in enumerate(zip(volts, currents, strict=True)):
                    here, load = builder.load(v), builder.load(place(1, row, n), align=8)
                    builder.store(here, place(0, row, n), align=8)
                    drawn = builder.fmul(builder.fmul(share, load), here, flags=("contract",))
                    current = builder.fadd(builder.load(i), drawn, flags=("contract",))
                    drop = builder.fmul(ohm, current, flags=("contract",))
                    builder.store(current, i)
                    builder.store(builder.fadd(here, drop, flags=("contract",)), v)
            for n, v in enumerate(volts):
                builder.store(builder.load(v), place(7, at, n), align=8)
            return context.get_dummy_value()

        index, number = types.intp, types.float64
        return signature(types.void, volt, g, index, index, index, number, number, source), codegen

    return climb_part


_climb_4, _climb_1 = _climbing(4), _climbing(1)


@bare
def climb(volt, g, rows, width, ohm, share, source):
    """Voltages of the ladders of `width` lines, side by side, from their open ends to their drivers.

        v_rows-1 = FAR,   i_k = sum of share g_l v_l over l >= k,   v_k-1 = v_k + ohm i_k,   source = v_-1

    so that v / source is each node's share of its driver's voltage; every sum is of positive terms, so that
    it keeps its digits.  g, volt: flat, (rows, width) [S], [V]; share [1]; source (width,) [V]; width a
    multiple of LANES.
    """
    c = 0
    while c + 4 * LANES <= width:
        _climb_4(volt, g, c, rows, width, ohm, share, source)
        c += 4 * LANES
    while c < width:
        _climb_1(volt, g, c, rows, width, ohm, share, source)
        c += LANES


def _descending(vectors: int) -> Any:
    """The ladders of `vectors` of lines side by side, see :func:`descend`."""

    @_intrinsic
    def descend_part(_, out, g, at, u, begin, share, rows, step, volt, current, column, ohm, load):
        def codegen(context, builder, sig, args):
            at, begin, rows, step, column, ohm, load = (args[n] for n in (2, 4, 6, 7, 10, 11, 12))
            whole, plain = at.type, ("contract",)

            def spread(number):
                lane = builder.insert_element(_UNDEFINED, number, ir.Constant(ir.IntType(32), 0))
                return builder.shuffle_vector(lane, _UNDEFINED, _indices([0] * LANES))

            def place(array, index, n):
                where = builder.add(index, ir.Constant(whole, n * LANES))
                return _place(context, builder, sig.args[array], args[array], where)

            def kept(array, n):
                return cgutils.alloca_once_value(builder, builder.load(place(array, column, n), align=8))

            lines = [(n, kept(8, n), kept(9, n)) for n in range(vectors)]
            shares = context.make_array(sig.args[5])(context, builder, args[5]).data
            ohm, load = spread(ohm), spread(load)
            with cgutils.for_range(builder, rows) as loop:
                past = builder.mul(loop.index, step)
                row, own = builder.add(at, past), builder.add(begin, past)
                part = spread(builder.load(builder.gep(shares, [loop.index])))
                for n, v, i in lines:
                    here = builder.load(v)
                    drawn = builder.fmul(builder.load(place(1, row, n), align=8), here, flags=plain)
                    seen = builder.fmul(builder.load(place(3, own, n), align=8), part, flags=plain)
                    builder.store(builder.fmul(seen, drawn, flags=plain), place(0, row, n), align=8)
                    more = builder.fmul(load, drawn, flags=plain)
                    total = builder.fadd(builder.load(i), more, flags=plain)
                    drop = builder.fmul(ohm, total, flags=plain)
                    builder.store(total, i)
                    builder.store(builder.fadd(here, drop, flags=plain), v)
            for n, v, i in lines:
                builder.store(builder.load(v), place(8, column, n), align=8)
                builder.store(builder.load(i), place(9, column, n), align=8)
            return context.get_dummy_value()

        index, number = types.intp, types.float64
        given = (out, g, index, u, index, share, index, index, volt, current, index, number, number)
        return signature(types.void, *given), codegen

    return descend_part


_descend_4, _descend_1 = _descending(4), _descending(1)


@bare
def descend(out, g, at, u, share, rows, volt, current, ohm, load):
    """Ladders of lines side by side, from open ends down `rows` nodes, and what their devices send:

        out_kc = share_k u_kc g_kc v_c,   i_c = i_c + load g_kc v_c,   v_c = v_c + ohm i_c      for each row k

    g, out: contiguous, their rows from the element `at`; u (rows, width) and share (rows,) [1]; volt [V] and
    current [A] (width,) of the node before and after.  Columns beyond whole LANES are left out.
    """
    width, c = len(volt), 0
    while c + 4 * LANES <= width:
        _descend_4(out, g, at + c, u, c, share, rows, width, volt, current, c, ohm, load)
        c += 4 * LANES
    while c + LANES <= width:
        _descend_1(out, g, at + c, u, c, share, rows, width, volt, current, c, ohm, load)
        c += LANES
