"""The layer kind of a module, looked up along its class hierarchy: a subclass of nn.Linear is a linear layer.

memsim's own kinds are the files of `memsim.mapping.kinds`; third parties register theirs by an entry point of
the group ``memsim.lowerings`` that names a module to import.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from torch import nn

from memsim.devices.plugins import found
from memsim.mapping import kinds
from memsim.mapping.lowering.matrix import Matrix
from memsim.mapping.lowering.registry import KINDS

GROUP = "memsim.lowerings"


@cache
def _load() -> None:
    """Import the files of all kinds, memsim's own and those that are installed beside it."""
    for file in pkgutil.iter_modules(kinds.__path__):
        import_module(f"{kinds.__name__}.{file.name}")
    for plugin in found(GROUP).values():
        plugin.load()


def kind_of(module: nn.Module) -> str | None:
    """Return the name of a module's layer kind, that of the class it was registered for; None for no kind."""
    _load()
    return next((KINDS[c][0] for c in type(module).__mro__ if c in KINDS), None)


def matrices_of(module: nn.Module) -> Mapping[str, Matrix]:
    """Return the matrices of a module, by suffix; none where its class is of no kind."""
    _load()
    matrices = next((KINDS[c][1] for c in type(module).__mro__ if c in KINDS), None)
    return {} if matrices is None else matrices(module)
