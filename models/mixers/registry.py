"""Mixers by name: a system is one file of `models/mixers/systems` whose functions say ``@mixer(name)``.

@mixer("mine")
def mine(shape: Shape) -> Mixer: ...
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from memsim.models.mixers.mixer import Mixer, Shape

Build = Callable[[Shape], Mixer]
B = TypeVar("B", bound=Build)


@dataclass(frozen=True)
class System:
    """A mixer, and what stands in its block beside it where that is no perceptron."""

    build: Build
    companion: Build | None = None


_KNOWN: dict[str, System] = {}


def mixer(name: str, *, companion: Build | None = None) -> Callable[[B], B]:
    """Register the function or class below as the mixer `name`.  Raises ValueError for a taken name."""

    def register(build: B) -> B:
        system = System(build, companion)
        if _KNOWN.setdefault(name, system) != system:
            raise ValueError(f"a mixer {name!r} is registered already")
        return build

    return register


@cache
def _load() -> None:
    """Import the files of all systems."""
    folder = Path(__file__).with_name("systems")
    for file in pkgutil.iter_modules([str(folder)]):
        import_module(f"memsim.models.mixers.systems.{file.name}")


def names() -> list[str]:
    """List the mixers."""
    _load()
    return sorted(_KNOWN)


def find(name: str) -> System:
    """The system of a name.  Raises ValueError for an unknown one."""
    if name not in names():
        near = get_close_matches(name, names(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"mixer = {name!r} is none (one of {', '.join(names())}){hint}")
    return _KNOWN[name]


def build(name: str, shape: Shape) -> Mixer:
    """Build a fresh mixer, its weights from torch's generator.  Raises ValueError for an unknown name."""
    return find(name).build(shape)
