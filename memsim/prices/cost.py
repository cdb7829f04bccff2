"""What a thing costs: energy, latency and area as one value."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import final


@final
@dataclass(frozen=True)
class Cost:
    """Energy [J], latency [s] and area [m2] of a part or a step; never negative.

        a + b   in series:   everything adds
        a | b   in parallel: energies and areas add, the longer latency counts
        n * a   n of them in series

    ValueError for a negative value, infinity or NaN.
    """

    energy: float = 0.0
    latency: float = 0.0
    area: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{field.name} = {value}: a cost is a number >= 0")

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.energy + other.energy, self.latency + other.latency, self.area + other.area)

    def __or__(self, other: Cost) -> Cost:
        latency = max(self.latency, other.latency)
        return Cost(self.energy + other.energy, latency, self.area + other.area)

    def __mul__(self, number: float) -> Cost:
        return Cost(number * self.energy, number * self.latency, number * self.area)

    __rmul__ = __mul__

    def abreast(self, number: float) -> Cost:
        """Return a number of them at once: energy and area times the number, the latency of one."""
        return Cost(number * self.energy, self.latency, number * self.area)
