"""Modules that say themselves what digital work a call of theirs is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeGuard, runtime_checkable

from memsim.prices.events import find


@runtime_checkable
class ReportsWork(Protocol):
    """A module that counts its own work; what torch does inside of it is not counted besides."""

    def events(self, inputs: tuple, output: Any) -> Mapping[str, float]:
        """Return how often each event of `memsim.prices.events` happens in one call, over the whole batch."""
        ...


def reports(module: object) -> TypeGuard[ReportsWork]:
    """Return whether a module's class has an `events` method; an attribute of that name is none."""
    return callable(getattr(type(module), "events", None)) and isinstance(module, ReportsWork)


def reported(name: str, module: ReportsWork, inputs: tuple, output: Any) -> Mapping[str, float]:
    """Return what a module reports of one call; ValueError, with the layer, for an event that is not
    declared.
    """
    found = module.events(inputs, output)
    for event in found:
        try:
            find(event)
        except ValueError as error:
            raise ValueError(f"{name}: {type(module).__name__}.events reports {error}") from None
    return found
