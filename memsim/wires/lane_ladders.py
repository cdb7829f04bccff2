"""Ladders of many lines side by side, in LLVM's own terms: from their open ends to their drivers.

A step needs no division, and every sum is of positive terms, so that it keeps its digits::

    i_k = i_k-1 + load g_k v_k,   v_k+1 = v_k + ohm i_k        v [V], i [A], g [S], ohm [ohm], load [1]

What the last node adds up to is the voltage of the driver; v of a node over it is the node's share.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import signature

from memsim.devices.numerics.compile import bare
from memsim.wires.lanes import LANES, VECTOR, as_intrinsic, place, spread

FAR = 1e-250  #: what :func:`climb` starts from [V]

_PLAIN = ("contract",)
_INDEX, _NUMBER = types.intp, types.float64


class _Part:
    """The code of some vectors of lines: its arguments by number, vectors of arrays by index."""

    def __init__(self, context: Any, builder: Any, sig: Any, args: Any) -> None:
        self.context, self.builder, self.sig, self.args = context, builder, sig, args
        self.whole = context.get_value_type(_INDEX)

    def at(self, array: int, index: Any, n: int) -> Any:
        where = self.builder.add(index, ir.Constant(self.whole, n * LANES))
        return place(self.context, self.builder, self.sig.args[array], self.args[array], where)

    def load(self, array: int, index: Any, n: int) -> Any:
        return self.builder.load(self.at(array, index, n), align=8)

    def store(self, vector: Any, array: int, index: Any, n: int) -> None:
        self.builder.store(vector, self.at(array, index, n), align=8)

    def kept(self, vector: Any) -> Any:
        """A vector that the steps change."""
        return cgutils.alloca_once_value(self.builder, vector)

    def times(self, a: Any, b: Any) -> Any:
        return self.builder.fmul(a, b, flags=_PLAIN)

    def step(self, v: Any, i: Any, drawn: Any, ohm: Any) -> None:
        """Go on to the next node: `drawn` [A] is what leaves at this one."""
        builder = self.builder
        total = builder.fadd(builder.load(i), drawn, flags=_PLAIN)
        builder.store(total, i)
        builder.store(builder.fadd(builder.load(v), self.times(ohm, total), flags=_PLAIN), v)


def _constant(number: float) -> ir.Constant:
    return ir.Constant(VECTOR, [number] * LANES)


def _climbing(vectors: int) -> Any:
    @as_intrinsic
    def climb_part(_, volt, g, at, rows, step, ohm, load, source):
        def codegen(context, builder, sig, args):
            part, (at, rows, step, ohm, load) = _Part(context, builder, sig, args), args[2:7]
            lines = [(part.kept(_constant(FAR)), part.kept(_constant(0.0))) for _ in range(vectors)]
            ohm, load, last = spread(builder, ohm), spread(builder, load), ir.Constant(part.whole, 1)
            last = builder.sub(rows, last)
            with cgutils.for_range(builder, rows) as loop:
                row = builder.add(at, builder.mul(builder.sub(last, loop.index), step))
                for n, (v, i) in enumerate(lines):
                    here, device = builder.load(v), part.load(1, row, n)
                    part.store(here, 0, row, n)
                    part.step(v, i, part.times(part.times(load, device), here), ohm)
            for n, (v, _) in enumerate(lines):
                part.store(builder.load(v), 7, at, n)
            return context.get_dummy_value()

        given = (volt, g, _INDEX, _INDEX, _INDEX, _NUMBER, _NUMBER, source)
        return signature(types.void, *given), codegen

    return climb_part


def _surveying(vectors: int) -> Any:
    @as_intrinsic
    def survey_part(_, source, least, column, g, at, rows, step, ohm, load):
        def codegen(context, builder, sig, args):
            part, (at, rows, step, ohm, load) = _Part(context, builder, sig, args), args[4:9]
            starts = (_constant(1.0), _constant(0.0), _constant(float("inf")))
            lines = [[part.kept(x) for x in starts] for _ in range(vectors)]
            ohm, load = spread(builder, ohm), spread(builder, load)
            with cgutils.for_range(builder, rows) as loop:
                row = builder.add(at, builder.mul(loop.index, step))
                for n, (v, i, low) in enumerate(lines):
                    device, before = part.load(3, row, n), builder.load(low)
                    less = builder.fcmp_ordered("<", device, before)
                    builder.store(builder.select(less, device, before), low)
                    part.step(v, i, part.times(part.times(load, device), builder.load(v)), ohm)
            for n, (v, _, low) in enumerate(lines):
                part.store(builder.load(v), 0, args[2], n)
                part.store(builder.load(low), 1, args[2], n)
            return context.get_dummy_value()

        given = (source, least, _INDEX, g, _INDEX, _INDEX, _INDEX, _NUMBER, _NUMBER)
        return signature(types.void, *given), codegen

    return survey_part


def _descending(vectors: int) -> Any:
    @as_intrinsic
    def descend_part(_, out, g, at, u, share, rows, step, volt, current, total, column, ohm, load):
        def codegen(context, builder, sig, args):
            part = _Part(context, builder, sig, args)
            at, rows, step, column = args[2], args[5], args[6], args[10]
            lines = [[part.kept(part.load(array, column, n)) for array in (7, 8, 9)] for n in range(vectors)]
            ohm, load = spread(builder, args[11]), spread(builder, args[12])
            shares = context.make_array(sig.args[4])(context, builder, args[4]).data
            with cgutils.for_range(builder, rows) as loop:
                past = builder.mul(loop.index, step)
                row, own = builder.add(at, past), builder.add(column, past)
                share = spread(builder, builder.load(builder.gep(shares, [loop.index])))
                for n, (v, i, sent) in enumerate(lines):
                    drawn = part.times(part.load(1, row, n), builder.load(v))
                    out = part.times(part.times(part.load(3, own, n), share), drawn)
                    part.store(out, 0, row, n)
                    builder.store(builder.fadd(builder.load(sent), out, flags=_PLAIN), sent)
                    part.step(v, i, part.times(load, drawn), ohm)
            for n, line in enumerate(lines):
                for array, vector in zip((7, 8, 9), line, strict=True):
                    part.store(builder.load(vector), array, column, n)
            return context.get_dummy_value()

        arrays = (volt, current, total)
        given = (out, g, _INDEX, u, share, _INDEX, _INDEX, *arrays, _INDEX, _NUMBER, _NUMBER)
        return signature(types.void, *given), codegen

    return descend_part


_climb_4, _climb_1 = _climbing(4), _climbing(1)
_survey_4, _survey_1 = _surveying(4), _surveying(1)
_descend_4, _descend_1 = _descending(4), _descending(1)


@bare
def climb(volt, g, rows, width, ohm, load, source):
    """Fill `volt` (rows, width) with v of `width` lines from FAR at their last row up, `source` with what
    their drivers before the first row give.  g, volt: flat, may be the same; width a multiple of LANES.
    """
    c = 0
    while c + 4 * LANES <= width:
        _climb_4(volt, g, c, rows, width, ohm, load, source)
        c += 4 * LANES
    while c < width:
        _climb_1(volt, g, c, rows, width, ohm, load, source)
        c += LANES


@bare
def survey(source, least, g, rows, ohm, load):
    """Fill `source` with what drivers after the last row of g (rows, width) give for 1 V at the first row,
    and `least` with the smallest device of each line.
    """
    width, c = len(source), 0
    while c + 4 * LANES <= width:
        _survey_4(source, least, c, g, c, rows, width, ohm, load)
        c += 4 * LANES
    while c + LANES <= width:
        _survey_1(source, least, c, g, c, rows, width, ohm, load)
        c += LANES
    for column in range(c, width):
        v, i, low = 1.0, 0.0, g[0, column]
        for k in range(rows):
            low = min(low, g[k, column])
            i += load * g[k, column] * v
            v += ohm * i
        source[column], least[column] = v, low


@bare
def descend(out, g, start, u, share, rows, volt, current, total, ohm, load):
    """Go down `rows` rows from `start` of lines, columns of g (R, width), and find what devices send out::

        out_kc = share_k u_kc g_kc v_c        total_c = total_c + out_kc

    u (rows, width), share (rows,) [1]; volt, current and total (width,): before the rows, and after them.
    """
    width, c, at = len(volt), 0, start * len(volt)
    while c + 4 * LANES <= width:
        _descend_4(out, g, at + c, u, share, rows, width, volt, current, total, c, ohm, load)
        c += 4 * LANES
    while c + LANES <= width:
        _descend_1(out, g, at + c, u, share, rows, width, volt, current, total, c, ohm, load)
        c += LANES
    for column in range(c, width):
        for k in range(rows):
            drawn = g[start + k, column] * volt[column]
            sent = share[k] * u[k, column] * drawn
            out[start + k, column] = sent
            total[column] += sent
            current[column] += load * drawn
            volt[column] += ohm * current[column]
