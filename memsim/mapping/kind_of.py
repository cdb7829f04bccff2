"""Layer kinds by class: which parameters of a module are matrices that arrays can hold.

    @lowers(nn.Linear)
    def matrices(layer): return {"": Matrix("weight")}

A kind is looked up along the class hierarchy, so a subclass of nn.Linear is a linear layer.  Third parties
register theirs by an entry point of the group ``memsim.lowerings`` that names a module to import.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from torch import nn

from memsim.devices.plugins import found
from memsim.mapping import kinds
from memsim.mapping.matrix import Matrix

GROUP = "memsim.lowerings"
Matrices = Callable[[Any], Mapping[str, Matrix]]

_KINDS: dict[type[nn.Module], tuple[str, Matrices]] = {}


def lowers(*classes: type[nn.Module]) -> Callable[[Matrices], Matrices]:
    """Register the matrices of these classes of modules: a function of the module -> {suffix: Matrix}.

    The suffix completes the array's name: "" for a module with one matrix, "in_proj.q" for others.
    """

    def register(matrices: Matrices) -> Matrices:
        for kind in classes:
            _KINDS[kind] = (kind.__name__, matrices)
        return matrices

    return register


@cache
def _load() -> None:
    """Import the files of all kinds, memsim's own and those that are installed beside it."""
    for file in pkgutil.iter_modules(kinds.__path__):
        import_module(f"{kinds.__name__}.{file.name}")
    for plugin in found(GROUP).values():
        plugin.load()


def kind_of(module: nn.Module) -> str | None:
    """The name of a module's layer kind, that of the class it was registered for; None for no kind."""
    _load()
    return next((_KINDS[c][0] for c in type(module).__mro__ if c in _KINDS), None)


def matrices_of(module: nn.Module) -> Mapping[str, Matrix]:
    """The matrices of a module, by suffix; none where its class is of no kind."""
    _load()
    matrices = next((_KINDS[c][1] for c in type(module).__mro__ if c in _KINDS), None)
    return {} if matrices is None else matrices(module)
