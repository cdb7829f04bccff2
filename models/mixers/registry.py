"""Mixers by name: a system is one file of `models/mixers/systems` whose functions say ``@mixer(name)``.

@mixer("mine")
def mine(shape: Shape) -> Mixer: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from memsim.devices.by_name import ByName
from memsim.models.mixers.mixer import Mixer, Shape

Build = Callable[[Shape], Mixer]
B = TypeVar("B", bound=Build)


@dataclass(frozen=True)
class System:
    """A mixer, and what stands in its block beside it where that is no perceptron."""

    build: Build
    companion: Build | None = None


SYSTEMS: ByName[System] = ByName("mixer", "memsim.models.mixers.systems")

names, find = SYSTEMS.names, SYSTEMS.find


def mixer(name: str, *, companion: Build | None = None) -> Callable[[B], B]:
    """Register the function or class below as the mixer `name`.  Raises ValueError for a taken name."""

    def register(build: B) -> B:
        SYSTEMS.add(name, System(build, companion))
        return build

    return register


def build(name: str, shape: Shape) -> Mixer:
    """Build a fresh mixer, its weights from torch's generator.  Raises ValueError for an unknown name."""
    return find(name).build(shape)
