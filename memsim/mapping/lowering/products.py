"""Products of a network with its learned matrices, executed on arrays.

A parameter whose matrix is on arrays is an `ArrayParameter`: torch functions that multiply by it (``linear``,
``conv2d``, ...) become reads, whatever module calls them, and everything else sees the digital weights.  So a
subclass with a forward of its own, a layer called twice, or a function that takes another layer's weight are
all executed on the same devices.  What a function does with its arrays stands in the file of its layer kind,
found by `reads`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from memsim.energy.census import PAUSED

READS: dict[Any, Callable[..., Any]] = {}
"""Torch function -> how it becomes reads; filled by the files of layer kinds."""


COMPOSED: set[Any] = set()
"""Torch functions with digital work beside their reads."""


def reads(*functions: Any, composed: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register how torch functions become reads: called with their arguments, NotImplemented for "not
    mine".

    composed: the handler has digital work beside its reads, which is counted (default: it counts its own).
    """

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        READS.update(dict.fromkeys(functions, handler))
        COMPOSED.update(functions if composed else ())
        return handler

    return register


_ATTRIBUTES = frozenset({"T", "mT", "H"})
"""Attributes of a tensor that are made of its values; others, as its shape, are no use of it."""


_BOOKKEEPING = frozenset(
    "untyped_storage data_ptr detach numel size stride dim element_size is_contiguous is_floating_point "
    "requires_grad_ to type_as".split()
)
"""Functions of a tensor that make no use of its values."""


class ArrayParameter(nn.Parameter):
    """A learned parameter whose matrices are on arrays.

    sites: by the first row of each matrix in the parameter; uses: functions that took its digital values.
    """

    sites: Mapping[int, Any] = MappingProxyType({})
    uses: set[str] | frozenset[str] = frozenset()  #: noted only where this is a set of the parameter's own

    @classmethod
    def of(cls, parameter: Tensor, sites: dict[int, Any]) -> ArrayParameter:
        """Return the same data and gradient, with sites."""
        made = torch.Tensor._make_subclass(cls, parameter.data, parameter.requires_grad)
        made.sites, made.uses = sites, set()
        if parameter.grad is not None:
            made.grad = parameter.grad
        return made

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        handler = READS.get(func)
        if handler is not None:
            token = None if func in COMPOSED else PAUSED.set(True)  # the reads count themselves
            try:
                found = handler(*args, **(kwargs or {}))
            finally:
                if token is not None:
                    PAUSED.reset(token)
            if found is not NotImplemented:
                return found
        _note_use(func, args)
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))


def site_of(weight: Any, start: int = 0) -> Any:
    """Return the site of a parameter's matrix; None where no array holds it."""
    return weight.sites.get(start) if isinstance(weight, ArrayParameter) else None


def digital(function: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """Call a torch function on the digital weights."""
    with torch._C.DisableTorchFunctionSubclass():
        return function(*args, **kwargs)


def _note_use(func: Any, args: tuple) -> None:
    """Note that a function takes the digital values of its parameters."""
    name = getattr(func, "__name__", str(func))
    if name in ("__get__", "__set__", "__delete__"):
        name = func.__self__.__name__
        if name not in _ATTRIBUTES:
            return
    if name in _BOOKKEEPING:
        return
    for one in args:
        for found in one if isinstance(one, (list, tuple)) else (one,):
            if isinstance(found, ArrayParameter) and isinstance(found.uses, set):
                found.uses.add(name.strip("_"))
