"""Laws of a cell, written down operation by operation, to be run block by block in the cache.

A cell's verbs are torch operations on whole tensors.  Handed a :class:`Recorded` instead of a tensor of
targets they do their arithmetic on paper: what comes back names every operation, constant and draw, and
:mod:`memsim.devices.weights.block_kernel` carries these out for a block of devices at a time, in float32
and to the same bits.  One description of the physics serves both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from memsim.devices.numerics.stream import Stream
from memsim.devices.weights.block_kernel import Op, Program


class Unrecorded(Exception):
    """An operation that blocks do not know: such a law runs on whole tensors."""


class Step(NamedTuple):
    """One operation: its operands are numbers of earlier steps (of stream and draw for a normal)."""

    op: Op
    operands: tuple[int, ...] = ()
    number: float = 0.0


class Recording:
    """The steps written down so far; the same step twice is written once."""

    def __init__(self) -> None:
        self.steps: list[Step] = [Step(Op.INPUT)]
        self.streams: list[Stream] = []
        self._known: dict[Step, int] = {}

    def note(self, op: Op, *operands: int, number: float = 0.0) -> Recorded:
        """Write a step down."""
        step = Step(op, operands, float(np.float32(number)))
        if step not in self._known:
            self._known[step] = len(self.steps)
            self.steps.append(step)
        return Recorded(self, self._known[step])

    def normal(self, stream: Stream, draw: int) -> Recorded:
        """Write down a standard normal for each device."""
        if not any(known is stream for known in self.streams):
            self.streams.append(stream)
        place = next(n for n, known in enumerate(self.streams) if known is stream)
        return self.note(Op.NORMAL, place, draw)

    def program(self, result: Recorded) -> Program:
        """Give every step that the result needs a register that none of its own operands holds."""
        last_use = {result.place: len(self.steps)}
        for place in range(result.place, 0, -1):
            if place in last_use:
                for operand in self._values(place):
                    last_use.setdefault(operand, place)
        held, free, registers = {0: 0}, list[int](), 1
        rows, numbers = [], []
        for place in sorted(last_use):
            if place == 0:
                continue
            if not free:
                free.append(registers)
                registers += 1
            step, values = self.steps[place], self._values(place)
            register = held[place] = free.pop()
            operands = [held[v] for v in values] if values else list(step.operands)
            rows.append([step.op, register, *operands, *[0] * (3 - len(operands))])
            numbers.append(step.number)
            free += [held[v] for v in set(values) if v and last_use[v] == place]
        keys = [stream.keys.reshape(-1) for stream in self.streams]
        return Program(
            np.array(rows, np.int64).reshape(-1, 5),
            np.array(numbers, np.float32),
            registers,
            held[result.place],
            np.stack(keys) if keys else np.zeros((0, 0), np.uint64),
        )

    def _values(self, place: int) -> tuple[int, ...]:
        """Return steps whose results a step takes."""
        step = self.steps[place]
        return () if step.op == Op.NORMAL else step.operands


def record(laws: Callable[[Any], Any]) -> Program:
    """Write down what `laws` does to targets. Raises Unrecorded for an operation that blocks do not know."""
    recording = Recording()
    result = laws(Recorded(recording, 0))
    if not isinstance(result, Recorded):
        raise Unrecorded(f"{type(result).__name__} is no recorded value")
    return recording.program(result)


class Recorded:
    """A value of every device that is known by the step it comes from; arithmetic as with a float32 tensor.

    In-place methods let the name stand for the new step; log, exp, sqrt and powers are those of
    :mod:`memsim.devices.numerics.stable`.
    """

    __slots__ = ("place", "recording")

    def __init__(self, recording: Recording, place: int) -> None:
        self.recording, self.place = recording, place

    def normal(self, stream: Stream, draw: int) -> Recorded:
        """Return a standard normal for each device."""
        return self.recording.normal(stream, draw)

    def stuck(self) -> Recorded:
        """Return the level of each device that is stuck, the value of others."""
        return self.recording.note(Op.STUCK, self.place)

    def _with(self, other: Any, op: Op, op_number: Op) -> Recorded:
        """Return the step with another recorded value, or with a number."""
        if isinstance(other, Recorded):
            return self.recording.note(op, self.place, other.place)
        return self._number(op_number, other)

    def _number(self, op: Op, number: Any) -> Recorded:
        if not isinstance(number, (int, float, np.integer, np.floating)):
            raise Unrecorded(f"arithmetic with a {type(number).__name__}")
        return self.recording.note(op, self.place, number=float(number))

    def _become(self, other: Recorded) -> Recorded:
        self.place = other.place
        return self

    def __add__(self, other: Any) -> Recorded:
        return self._with(other, Op.ADD, Op.ADD_NUMBER)

    def __mul__(self, other: Any) -> Recorded:
        return self._with(other, Op.MULTIPLY, Op.MULTIPLY_NUMBER)

    def __truediv__(self, other: Any) -> Recorded:
        return self._with(other, Op.DIVIDE, Op.DIVIDE_NUMBER)

    def __sub__(self, other: Any) -> Recorded:
        return self + -other if not isinstance(other, Recorded) else self._with(other, Op.SUBTRACT, Op.FULL)

    def __rsub__(self, other: Any) -> Recorded:
        return self._number(Op.FROM_NUMBER, other)

    def __rtruediv__(self, other: Any) -> Recorded:  # as torch has it
        return self.recording.note(Op.RECIPROCAL, self.place) * other

    def __neg__(self) -> Recorded:
        return self * -1.0

    def __lt__(self, edge: Any) -> Recorded:
        return self._number(Op.BELOW, edge)

    __radd__, __rmul__ = __add__, __mul__

    def square(self) -> Recorded:
        return self * self

    def abs(self) -> Recorded:
        return self.recording.note(Op.ABS, self.place)

    def log(self) -> Recorded:
        return self.recording.note(Op.LOG, self.place)

    def exp(self) -> Recorded:
        return self.recording.note(Op.EXP, self.place)

    def sqrt(self) -> Recorded:
        return self.recording.note(Op.SQRT, self.place)

    def __pow__(self, exponent: Any) -> Recorded:
        return self._number(Op.POWER, exponent)

    def clamp(self, min: float | None = None, max: float | None = None) -> Recorded:
        low = self if min is None else self._number(Op.AT_LEAST, min)
        return low if max is None else low._number(Op.AT_MOST, max)

    def to(self, dtype: torch.dtype) -> Recorded:
        if dtype != torch.float32:
            raise Unrecorded(f"blocks are of float32, not {dtype}")
        return self

    def __iadd__(self, other: Any) -> Recorded:
        return self._become(self + other)

    def __isub__(self, other: Any) -> Recorded:
        return self._become(self - other)

    def __imul__(self, other: Any) -> Recorded:
        return self._become(self * other)

    def __itruediv__(self, other: Any) -> Recorded:
        return self._become(self / other)

    add, sub, mul, div = __add__, __sub__, __mul__, __truediv__
    add_, sub_, mul_, div_ = __iadd__, __isub__, __imul__, __itruediv__

    def abs_(self) -> Recorded:
        return self._become(self.abs())

    def clamp_(self, min: float | None = None, max: float | None = None) -> Recorded:
        return self._become(self.clamp(min, max))

    def __getattr__(self, name: str) -> Any:
        raise Unrecorded(f"Tensor.{name}") if not name.startswith("__") else AttributeError(name)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function not in _FUNCTIONS:
            raise Unrecorded(f"{getattr(function, '__name__', function)}")
        return _FUNCTIONS[function](*args, **(kwargs or {}))


def _where(condition: Any, one: Any, other: Any) -> Recorded:
    if not all(isinstance(value, Recorded) for value in (condition, one, other)):
        raise Unrecorded("torch.where of numbers")
    return one.recording.note(Op.WHERE, condition.place, one.place, other.place)


_FUNCTIONS: dict[Any, Callable[..., Recorded]] = {
    torch.where: _where,
    torch.full_like: lambda x, value: x.recording.note(Op.FULL, number=value),
}
