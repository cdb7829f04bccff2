"""Lifetime of attention arrays in images: cycles of an image against the endurance of a technology.

    images = endurance / cycles of an image        years = images / images a second

of the layer whose devices are worn most, in the mean over its devices.  No levelling of wear between arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from memsim.devices.endurance import PUBLISHED, Endurance


class Life(NamedTuple):
    """Images until the cells of a technology have been through their endurance, usual and best."""

    technology: str
    endurance: Endurance
    low: float  #: images at the usual endurance
    high: float  #: at the best published

    def seconds(self, rate: float) -> tuple[float, float]:
        """Return the same in seconds at `rate` images a second; ValueError for a rate that is not
        positive.
        """
        if not rate > 0:
            raise ValueError(f"rate = {rate}: images a second, more than 0")
        return self.low / rate, self.high / rate


def life(technology: str, endurance: Endurance, cycles: float) -> Life:
    """Return life at `cycles` cycles of an image; ValueError where an image wears nothing."""
    if not cycles > 0:
        raise ValueError(f"cycles = {cycles}: cycles of an image, more than 0")
    return Life(technology, endurance, endurance.low / cycles, endurance.high / cycles)


def lives(cycles: float) -> Iterator[Life]:
    """Of every technology with a published range, at the cycles of this image."""
    return (life(name, endurance, cycles) for name, endurance in PUBLISHED.items())
