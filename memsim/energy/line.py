"""A line of a bill: what happened where, how often, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from memsim.prices.events import component


@dataclass(frozen=True)
class Line:
    """One layer's events of one name, for an image and chip."""

    layer: str
    event: str
    component: str  #: what a report shows it under
    number: float  #: how often
    price: float  #: of one [J]
    energy: float  #: of all [J]
    source: str  #: of the price

    @classmethod
    def of(cls, layer: str, event: str, number: float, price: float, source: str, part: str = "") -> Line:
        """Return a line whose energy is number x price [J]; part: its component (default: its event's)."""
        return cls(layer, event, part or component(event), number, price, number * price, source)

    def json(self) -> dict[str, object]:
        """Return the line with units in its keys, as tables and files have it."""
        return {
            "layer": self.layer,
            "event": self.event,
            "component": self.component,
            "number": self.number,
            "price [J]": self.price,
            "energy [J]": self.energy,
            "source": self.source,
        }


def total(lines: Iterable[Line]) -> float:
    """Return the energy of lines [J]."""
    return sum((line.energy for line in lines), 0.0)
