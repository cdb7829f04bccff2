"""Things found by name: each is registered in a file of one package, or by an installed package."""

from __future__ import annotations

import pkgutil
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Generic, TypeVar

from memsim.devices.plugins import found

T = TypeVar("T")


class ByName(Generic[T]):
    """A registry that imports its files when it is asked first.

    what: a word for one of them; package: whose modules register theirs; group: of entry points that name
    further modules, see :mod:`memsim.devices.plugins`.
    """

    def __init__(self, what: str, package: str, group: str | None = None) -> None:
        self.what, self.package, self.group = what, package, group
        self.known: dict[str, T] = {}
        self._whole = False

    def add(self, name: str, thing: T) -> T:
        """Register one.  Raises ValueError for a name that another has."""
        if self.known.setdefault(name, thing) != thing:
            raise ValueError(f"a {self.what} {name!r} is registered already")
        return thing

    def names(self) -> list[str]:
        """List the names, sorted; imports the files of the package."""
        if not self._whole:
            self._whole = True
            for file in pkgutil.iter_modules(import_module(self.package).__path__):
                import_module(f"{self.package}.{file.name}")
            for plugin in found(self.group).values() if self.group else ():
                plugin.load()
        return sorted(self.known)

    def find(self, name: Any, said: str | None = None) -> T:
        """Return the one of a name.  Raises ValueError with the nearest for any other; said: how that
        begins.
        """
        if name not in self.names():
            near = get_close_matches(str(name), self.names(), 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            said = said or f"{self.what} = {name!r} is none"
            raise ValueError(f"{said} (one of {', '.join(self.names())}){hint}")
        return self.known[name]
