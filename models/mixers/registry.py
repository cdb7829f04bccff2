"""Registry of mixers: each system is one file in `models/mixers/systems` that uses the decorator ``@mixer``.

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
    """Builder of a mixer and, if it is not a perceptron, of the companion layer in its block."""

    build: Build
    companion: Build | None = None


SYSTEMS: ByName[System] = ByName("mixer", "memsim.models.mixers.systems")

names, find = SYSTEMS.names, SYSTEMS.find


def mixer(name: str, *, companion: Build | None = None) -> Callable[[B], B]:
    """Register the decorated function or class as the mixer `name`.

    companion: builder of the layer after the mixer; None: a perceptron.  Raises ValueError if the name is
    already in use.
    """

    def register(build: B) -> B:
        SYSTEMS.add(name, System(build, companion))
        return build

    return register


def build(name: str, shape: Shape) -> Mixer:
    """Build a mixer with random initial weights from torch's generator.

    Raises ValueError for an unknown name.
    """
    return find(name).build(shape)
