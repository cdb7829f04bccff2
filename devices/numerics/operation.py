"""Numeric operations: one torch function is the meaning, kernels are faster equals for a device and a type.

    @operation
    def double(x): return x + x                     # says what the number is, on any device

    @double.kernel("cpu", torch.float32)
    def _(x): ...                                   # the same number, sooner

    double(x)                                       # a kernel where one fits x, otherwise the torch form
    with plain(): double(x)                         # the torch form

The suite of equals holds every kernel against its torch form (tests/devices/test_operations.py).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, NamedTuple, final

import torch
from torch import Tensor
from typing_extensions import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_PLAIN: ContextVar[bool] = ContextVar("plain", default=False)
_TABLE: "dict[str, Operation[..., Any]]" = {}


class Kernel(NamedTuple):
    """A faster equal of an operation."""

    function: Callable[..., Any]
    gradient: bool  #: whether its result has a gradient where its inputs do


@final
class Operation(Generic[P, R]):
    """A function of tensors with one torch meaning and any number of kernels, by device type and data type.

    Its first tensor decides; a tensor on another device, or a gradient that a kernel does not have, asks for
    the torch form. Arguments are given by position.
    """

    def __init__(self, meaning: Callable[P, R]) -> None:
        self.meaning = meaning
        self.name = f"{meaning.__module__}.{meaning.__name__}"
        self.__doc__, self.__name__, self.__module__ = meaning.__doc__, meaning.__name__, meaning.__module__
        self._kernels: dict[tuple[str, torch.dtype], Kernel] = {}

    def kernel(
        self, device: str, *dtypes: torch.dtype, gradient: bool = False
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Register what it decorates for a device type ("cpu", "cuda") and data types of the first tensor.

        Raises ValueError where there is one already.
        """

        def register(function: Callable[P, R]) -> Callable[P, R]:
            for dtype in dtypes:
                if (device, dtype) in self._kernels:
                    raise ValueError(f"{self.name} has a kernel for {device} and {dtype} already")
                self._kernels[device, dtype] = Kernel(function, gradient)
            return function

        return register

    @property
    def kernels(self) -> dict[tuple[str, torch.dtype], Kernel]:
        """Every kernel by device type and data type."""
        return dict(self._kernels)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        first: Tensor | None = None
        differentiable = False
        for argument in arguments:
            if isinstance(argument, Tensor):
                if first is None:
                    first = argument
                elif argument.device != first.device:
                    return self.meaning(*arguments, **named)
                differentiable = differentiable or argument.requires_grad
        if first is None or _PLAIN.get():
            return self.meaning(*arguments, **named)
        kernel = self._kernels.get((first.device.type, first.dtype))
        if kernel is None or (differentiable and not kernel.gradient and torch.is_grad_enabled()):
            return self.meaning(*arguments, **named)
        return kernel.function(*arguments, **named)

    def __repr__(self) -> str:
        return f"<operation {self.name}: {', '.join(f'{d} {t}' for d, t in self._kernels) or 'torch form'}>"


def operation(meaning: Callable[P, R]) -> Operation[P, R]:
    """Make the torch function it decorates an operation, and list it. Raises ValueError for a second one of a
    name.
    """
    made = Operation(meaning)
    if made.name in _TABLE:
        raise ValueError(f"{made.name} is an operation already")
    _TABLE[made.name] = made
    return made


def operations() -> tuple[Operation[..., Any], ...]:
    """Every operation of the modules imported so far, in order of their names."""
    return tuple(_TABLE[name] for name in sorted(_TABLE))


plain_asked = _PLAIN.get  #: whether the torch form is asked for


def by_kernel(x: Tensor) -> bool:
    """Whether a kernel of the CPU may take a tensor: one that lies there, outside of `plain`."""
    return x.device.type == "cpu" and not _PLAIN.get()


@contextmanager
def plain() -> Iterator[None]:
    """Take the torch form of every operation and every read within, in this thread or task."""
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)
