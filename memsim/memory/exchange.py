"""Exchanging the memories of a network on chips for arrays: finding them, and putting arrays there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from torch import nn

from memsim.chip import Chip
from memsim.mapping.layers import replace
from memsim.mapping.watch_digital import DigitalWatch

Memory = TypeVar("Memory", bound=nn.Module)
Array = TypeVar("Array", bound=nn.Module)


def found(chip: Chip, kind: type[Memory], what: str) -> dict[str, Memory]:
    """All memories of a kind by name.

    Raises ValueError for a network that has none, and for a chip that was programmed already.
    """
    memories = {name: m for name, m in chip.net.named_modules() if isinstance(m, kind)}
    if not memories:
        raise ValueError(f"{type(chip.net).__name__} has no {what}")
    if chip.time == chip.time:
        raise ValueError("this chip is programmed; put its memories on arrays before chip.program()")
    return memories


def named(chip: Chip, kind: type[Memory], names: Iterable[str], what: str) -> dict[str, Memory]:
    """The memories of these names.  Raises ValueError for a name that is none of the kind."""
    modules, memories = dict(chip.net.named_modules()), {}
    for name in names:
        leaf = modules.get(name)
        if not isinstance(leaf, kind):
            raise ValueError(f"{name!r} is no {what} of {type(chip.net).__name__}")
        memories[name] = leaf
    return memories


def exchange(chip: Chip, made: Mapping[str, Array]) -> dict[str, Array]:
    """Put arrays in the place of the memories of their names."""
    for name, array in made.items():
        replace(chip.net, name, array)
    watch = chip.mapped.work
    chip.mapped.work = DigitalWatch(chip.net, watch.exclude | made.keys())
    chip.mapped.found.clear()
    return dict(made)
