"""Public names of a package, imported when they are first used (PEP 562)."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazily(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package whose names are defined in modules below it.

    modules: module -> names it defines; a module with no names is a name itself.
    """
    home = {name: module for module, inside in modules.items() for name in inside or [module]}

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{home[name]}")
        value = getattr(module, name) if modules[home[name]] else module
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted(home)
