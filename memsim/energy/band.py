"""The band of an analog energy: bottom-up parts below, a column calibrated on a published chip above.

A converter's published price is that of a circuit alone; a chip's column also has its reference, clock,
buffers and control.  The upper end is the column of the HERMES core (48.8 pJ a column at 14 nm with all that
belongs to it, 41.96 pJ without what its rows, devices and digital parts take bottom-up), scaled to the node
of the card:

    low  = energy with converters from parts
    high = low + conversions x (column of the chip - 8-bit converter from parts), at the card's node

What a column takes beyond its parts does not depend on bits (an assumption).  A technology whose own
converter is a published chip's column has that as one end, its design from parts as the other.  A verdict
that is not the same at both ends is none: "not decided".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal, NamedTuple

from memsim.card.chip_card import ChipCard
from memsim.energy.line import Line, total
from memsim.prices.price import Price
from memsim.prices.technology import Technology

SILICON, COLUMN, BITS = "hermes", "column-hermes", 8
"""Technology card and design of the chip whose column is the upper end, and its bits."""

Verdict = Literal["crossbars", "digital", "not decided"]
"""Which takes less energy at both ends of the band."""


class Band(NamedTuple):
    """An energy at both ends [J]."""

    low: float
    high: float

    def against(self, digital: float) -> Verdict:
        """Return which of both takes less; "not decided" where that changes inside the band."""
        if self.high < digital:
            return "crossbars"
        return "digital" if self.low > digital else "not decided"

    def plus(self, joule: float) -> Band:
        """Return the band of a sum with an energy that is the same at both ends [J]."""
        return Band(self.low + joule, self.high + joule)


class Ends(NamedTuple):
    """Lines of one bill at both ends of the band."""

    low: list[Line]
    high: list[Line]

    @property
    def band(self) -> Band:
        """The energies [J]."""
        return Band(total(self.low), total(self.high))


def ends(lines: Sequence[Line], card: ChipCard) -> Ends:
    """Return the lines of a crossbars' bill with conversions at either end of their band."""
    return Ends(*([_at(line, card, end) for line in lines] for end in (0, 1)))


def _at(line: Line, card: ChipCard, end: int) -> Line:
    if not line.event.startswith("adc-") or not line.number:
        return line
    price = conversion(card, line.event)[end]
    energy = line.number * price.energy
    return replace(line, price=price.energy, energy=energy, source=price.said)


def conversion(card: ChipCard, event: str) -> tuple[Price, Price]:
    """Return the price of a conversion at both ends; event: its name, such as "adc-8b".

    Raises CardError where the card's technology has no node that the chip's column could be scaled to.
    """
    own, technology = card.price(event), Technology.load(card.technology)
    design = technology.adc.get(technology.converter)
    if design is not None and design.bottom_up and own == technology.prices.get(event):
        pair = (technology.converter_price(int(event[4:-1]), design.bottom_up), own)
        return min(pair, key=_energy), max(pair, key=_energy)
    column = _column(card.technology)
    beyond = max(column.energy - _from_parts(technology), 0.0)
    source = f"{own.source}; and a column beyond its converter, {1e12 * beyond:.3g} pJ: {column.source}"
    return own, own.model_copy(update={"energy": own.energy + beyond, "source": source, "assumption": True})


def _from_parts(technology: Technology) -> float:
    """Return the energy of a conversion of `BITS` bits, or as near as the design goes, from parts [J]."""
    design = technology.adc.get(technology.converter)
    if design is None:
        return 0.0
    known = technology.adc[design.bottom_up or technology.converter].energy
    bits = min(max(BITS, min(known)), max(known))
    return technology.converter_price(bits, design.bottom_up).energy


def _energy(price: Price) -> float:
    return price.energy


@lru_cache(maxsize=32)
def _column(technology: str) -> Price:
    """Return the published chip's column at a technology's node."""
    here, there = Technology.load(technology), Technology.load(SILICON)
    return there.adc[COLUMN].at(there.scale_to(here)).price(BITS)
