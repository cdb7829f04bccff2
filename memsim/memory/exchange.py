"""Replacement of the memories of a network by arrays: finding the memories and inserting the arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from torch import nn

from memsim.chip import Chip
from memsim.mapping.layers import replace
from memsim.mapping.watch_digital import DigitalWatch
from memsim.saving import Held

Memory = TypeVar("Memory", bound=nn.Module)
Array = TypeVar("Array", bound=nn.Module)


def found(chip: Chip, kind: type[Memory], what: str) -> dict[str, Memory]:
    """Return all memories of a class in the network of a chip, by module name.

    what: words for this class in messages.  Raises ValueError for a network that has none, for one whose
    memories are all on arrays, and for a chip that is already programmed.
    """
    modules = dict(chip.net.named_modules())
    arrays = [name for name, module in modules.items() if isinstance(module, Held)]
    inside = tuple(f"{name}." for name in arrays)
    memories = {name: m for name, m in modules.items() if isinstance(m, kind) and not name.startswith(inside)}
    if not memories and arrays:
        raise ValueError(f"the {what} is on arrays already: {', '.join(arrays)}")
    if not memories:
        raise ValueError(f"{type(chip.net).__name__} has no {what}")
    if chip.time == chip.time:
        raise ValueError("this chip is already programmed; put its memories on arrays before chip.program()")
    return memories


def named(chip: Chip, kind: type[Memory], names: Iterable[str], what: str) -> dict[str, Memory]:
    """Return the memories with these names.

    Raises ValueError for a name that belongs to no module of class `kind`; what: words for it in the message.
    """
    modules, memories = dict(chip.net.named_modules()), {}
    for name in names:
        leaf = modules.get(name)
        if not isinstance(leaf, kind):
            raise ValueError(f"{name!r} is not a {what} of {type(chip.net).__name__}")
        memories[name] = leaf
    return memories


def exchange(chip: Chip, made: Mapping[str, Array]) -> dict[str, Array]:
    """Insert arrays in place of the modules with their names, and return them."""
    for name, array in made.items():
        replace(chip.net, name, array)
    watch = chip.mapped.work
    chip.mapped.work = DigitalWatch(chip.net, watch.exclude | made.keys())
    chip.mapped.found.clear()
    return dict(made)
