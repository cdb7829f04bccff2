"""Kinds of converters by name: a kind is one file below `adc_kinds` or `dac_kinds`, or an entry point.

    @ADC.register("flash")
    class Flash(AdcKind): ...

Another package names the module that does so as an entry point of the group ``memsim.adc`` or ``memsim.dac``.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import Generic, TypeVar

from memsim.converters.adc_kind import AdcKind
from memsim.converters.dac_kind import DacKind
from memsim.devices.plugins import found

T = TypeVar("T")


class Kinds(Generic[T]):
    """The registered kinds of converter of one use."""

    def __init__(self, folder: str, group: str) -> None:
        self.folder, self.group = folder, group
        self._made: dict[str, T] = {}
        self._complete = False

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Make a class the kind of that name. Raises ValueError for a name that is taken."""

        def enter(made: type[T]) -> type[T]:
            if name in self._made:
                raise ValueError(f"a converter of kind {name!r} is registered already: {self._made[name]!r}")
            self._made[name] = made()
            return made

        return enter

    def names(self) -> list[str]:
        """Return every kind there is."""
        if not self._complete:
            self._complete = True
            for module in iter_modules(import_module(self.folder).__path__):
                import_module(f"{self.folder}.{module.name}")
            for plugin in found(self.group).values():
                plugin.load()
        return sorted(self._made)

    def get(self, name: str) -> T:
        """Find the kind of that name. Raises ValueError with the nearest name for any other."""
        known = self.names()
        if name not in self._made:
            near = get_close_matches(str(name).lower(), known, 1, 0.3)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"no converter of kind {name!r}{hint} (known: {', '.join(known)})")
        return self._made[name]


ADC: Kinds[AdcKind] = Kinds("memsim.converters.adc_kinds", "memsim.adc")
"""Kinds of ADC, what a card writes as ``[weights.adc] kind``."""

DAC: Kinds[DacKind] = Kinds("memsim.converters.dac_kinds", "memsim.dac")
"""Kinds of DAC, what a card writes as ``[weights.dac] kind``."""
