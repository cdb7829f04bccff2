"""A technology card: what parts cost at one node, every number with its source.

A part is published at a node.  A card holds the parts published at its own node; what it lacks it takes from
the cards in ``scaled_from``, energies by the law of `memsim.scaling`, areas by the square of the nodes (an
assumption), and from those in ``beside`` as they stand: what no logic node scales (writes of cells, DRAM).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from devices.toml_file import CardError, Section, refusal
from memsim import card_file
from memsim.price import Price
from memsim.scaling import relative_energy

TECHNOLOGIES = "memsim.technologies"

EVENTS = {
    "row-drive": ("row-driver",),
    "dac-conversion": ("dac-8b",),
    "digital-add": ("int16-add",),
    "digital-mac": ("int8-multiply", "int8-add"),
    "digital-compare": ("int8-compare",),
    "neuron-step": ("lif-step",),
    "sop-ac": ("fp32-add",),
    "sop-mac": ("fp32-multiply", "fp32-add"),
}
"""Events of the ledger and the parts they happen in, one after the other."""

CELL_EVENTS = ("program-", "pulse-", "reset-")
"""Events that are parts themselves: what is done to a device."""


class Part(Price):
    """A part as its source has it."""

    analog: bool = False
    """Scaling it by a law for logic is an assumption."""

    def at(self, card: Technology, here: Technology) -> Part:
        """The part of another card's node at this card's."""
        factor = card.factor_to(here)
        ratio = (here.node / card.node) ** 2  # type: ignore[operator]
        return self.model_copy(
            update={
                "energy": self.energy * factor,
                "area": None if self.area is None else self.area * ratio,
                "source": f"{self.source}; {card.scaled_to(here)}",
                "assumption": self.assumption or self.analog,
            }
        )


class Converter(Section):
    """An ADC design: energy of a conversion by bits, and what is known of its area and rate."""

    energy: dict[int, float] = Field(alias="energy [J]", min_length=1)
    """Bits -> energy of a conversion [J]."""
    area: dict[int, float] = Field(default={}, alias="area [m2]")
    """Bits -> area of one converter [m2]."""
    rate: float | None = Field(default=None, alias="rate [1/s]", gt=0)
    """Conversions of one converter in a second, at most."""
    source: str = Field(min_length=8)
    """Paper, table or file the numbers were read in."""
    assumption: bool = False
    """True where the numbers were scaled by a law that is not theirs."""

    def price(self, bits: float) -> Price:
        """A conversion of so many bits; between two of the table the logarithms are interpolated.

        CardError outside the table.
        """
        area = _between(self.area, bits) if self.area else None
        found = {"energy [J]": _between(self.energy, bits), "area [m2]": area}
        return Price(**found, source=self.source, assumption=self.assumption)

    def count(self, lines: int, time: float) -> int:
        """Converters that digitise so many lines within a time [s]; one for each line where no rate is
        known.
        """
        return lines if self.rate is None else math.ceil(lines / max(math.floor(time * self.rate), 1))

    def at(self, card: Technology, here: Technology) -> Converter:
        """The design of another card's node at this card's."""
        factor, ratio = card.factor_to(here), (here.node / card.node) ** 2  # type: ignore[operator]
        return self.model_copy(
            update={
                "energy": {bits: joule * factor for bits, joule in self.energy.items()},
                "area": {bits: area * ratio for bits, area in self.area.items()},
                "source": f"{self.source}; {card.scaled_to(here)}",
                "assumption": True,
            }
        )


class Memory(Section):
    """SRAM: energy of a 64-bit access by size; a bit is a 64th of it."""

    access: dict[int, float] = Field(alias="access [J]", min_length=2)
    """Bytes -> energy of a 64-bit read or write [J]."""
    source: str = Field(min_length=8)
    """Paper, table or file the numbers were read in."""
    assumption: bool = False
    """True where the numbers were scaled by a law that is not theirs."""

    def price(self, size: float) -> Price:
        """A bit read or written in a memory of so many bytes."""
        source = f"a bit of {size:,.0f} bytes; {self.source}"
        return Price(**{"energy [J]": self.bit(size)}, source=source, assumption=self.assumption)

    def bit(self, size: float) -> float:
        """Energy of a bit [J] in a memory of so many bytes: a power law between the points, and beyond them
        the one of the nearest two.
        """
        sizes = sorted(self.access)
        pair = next(((a, b) for a, b in pairwise(sizes) if size <= b), (sizes[-2], sizes[-1]))
        low, high = (self.access[s] for s in pair)
        slope = math.log(high / low) / math.log(pair[1] / pair[0])
        return low * (max(size, 1.0) / pair[0]) ** slope / 64

    def at(self, card: Technology, here: Technology) -> Memory:
        """The memory of another card's node at this card's."""
        factor = card.factor_to(here)
        return self.model_copy(
            update={
                "access": {size: joule * factor for size, joule in self.access.items()},
                "source": f"{self.source}; {card.scaled_to(here)}",
                "assumption": True,
            }
        )


class Wires(Section):
    """Wires of the lowest layers."""

    width: float = Field(alias="width [m]", gt=1e-9, lt=1e-5)
    """Width of a wire, F in the sizes of cells [m]."""
    resistance: float = Field(alias="resistance [ohm/m]", gt=0)
    """Resistance of a wire for its length [ohm/m]."""
    capacitance: float = Field(default=2e-10, alias="capacitance [F/m]", gt=0)
    """Capacitance of a wire for its length [F/m]."""
    source: str = Field(min_length=8)
    """Paper, table or file the numbers were read in."""

    def cell(self, side: float) -> tuple[float, float]:
        """Resistance [ohm] and capacitance [F] of a line over one cell whose side is so many F; 4 for one
        transistor and one device, 2 without a transistor.
        """
        length = side * self.width
        return length * self.resistance, length * self.capacitance


class Technology(Section):
    """Parts, converters, memories and wires at one node.

    ``Technology.load("45nm")`` is whole: what other cards lend stands in it, scaled, with the scale in its
    source.  Raises CardError for anything that cannot be used.
    """

    name: str
    description: str = ""
    node: float | None = Field(default=None, alias="node [m]", gt=1e-9, lt=1e-6)
    """Technology node [m]; a card without one only lends."""
    supply: float | None = Field(default=None, alias="supply [V]", gt=0.1, lt=10)
    """Supply of its logic [V]."""
    scaled_from: tuple[str, ...] = ()
    """Cards whose parts are taken, scaled, where this one has none; the first goes first."""
    beside: tuple[str, ...] = ("any-node",)
    """Cards whose parts are taken as they stand."""
    converter: str = "sar-kull"
    """The ADC design that prices the events ``adc-4b`` and so on."""
    parts: dict[str, Part] = Field(default_factory=dict)
    adc: dict[str, Converter] = Field(default_factory=dict)
    sram: Memory | None = None
    dram: dict[str, Part] = Field(default_factory=dict)
    """Kinds of DRAM: energy of a bit read or written."""
    wires: Wires | None = None

    @classmethod
    def load(cls, name: str | Path) -> Technology:
        """The built-in card of that name, or the card in that TOML file, with what other cards lend."""
        return _load(str(name))

    @property
    def prices(self) -> dict[str, Price]:
        """The price of every event that this card has the parts for."""
        found = {event: self.price(*parts) for event, parts in EVENTS.items() if {*parts} <= {*self.parts}}
        cells = {name: self.price(name) for name in self.parts if name.startswith(CELL_EVENTS)}
        design = self.adc.get(self.converter)
        bits = () if design is None else sorted(design.energy)
        return found | {f"adc-{n}b": self.converter_price(n) for n in bits} | cells

    def price(self, *parts: str) -> Price:
        """What parts cost that are used one after the other; CardError for a part the card lacks."""
        for part in parts:
            if part not in self.parts:
                raise CardError(f"{self.name}: no part {part!r} (known: {', '.join(sorted(self.parts))})")
        found = [self.parts[part] for part in parts]
        areas = [part.area for part in found]
        area = None if None in areas else sum(areas)  # type: ignore[arg-type]
        return Price(
            **{"energy [J]": sum(part.energy for part in found), "area [m2]": area},
            source=" and ".join(dict.fromkeys(part.source for part in found)),
            assumption=any(part.assumption for part in found),
        )

    def converter_price(self, bits: float, design: str | None = None) -> Price:
        """A conversion of so many bits by a design, the card's own where None."""
        if (design or self.converter) not in self.adc:
            raise CardError(
                f"{self.name}: no ADC {design or self.converter!r}; there are {', '.join(self.adc)}"
            )
        return self.adc[design or self.converter].price(bits)

    def factor_to(self, here: Technology) -> float:
        """Factor on energies from this card's node to another's."""
        for card in (self, here):
            if card.node is None or card.supply is None:
                raise CardError(f"{card.name}: scaling needs its node [m] and supply [V]")
        return relative_energy(here.node, here.supply) / relative_energy(self.node, self.supply)  # type: ignore[arg-type]

    def scaled_to(self, here: Technology) -> str:
        """Words for that factor."""
        nodes = f"{1e9 * self.node:g} to {1e9 * here.node:g} nm"  # type: ignore[operator]
        return f"{nodes}: energy × {self.factor_to(here):.3g} (Stillmaker & Baas 2017)"


@lru_cache(maxsize=32)
def _load(name: str) -> Technology:
    """A card and what it borrows: its own first, then scaled, then as it stands."""
    card = _own(name)
    lent: dict[str, Any] = {kind: dict(getattr(card, kind)) for kind in ("parts", "adc", "dram")}
    found: dict[str, Any] = {"sram": card.sram, "wires": card.wires}
    for other in (*(_own(n) for n in card.scaled_from), *(_own(n) for n in card.beside)):
        scale = other.name in card.scaled_from
        for kind, mine in lent.items():
            for key, part in getattr(other, kind).items():
                mine.setdefault(key, part.at(other, card) if scale else part)
        if found["sram"] is None and other.sram is not None:
            found["sram"] = other.sram.at(other, card) if scale else other.sram
    return card.model_copy(update=lent | found)


@lru_cache(maxsize=32)
def _own(name: str) -> Technology:
    """A card as its file has it."""
    fields = card_file.read(name, TECHNOLOGIES, "technology")
    try:
        return Technology.model_validate(fields)
    except ValidationError as error:
        raise refusal(Technology, error, name) from None


def _between(table: Mapping[int, float], bits: float) -> float:
    """A value of a table by bits; between two entries the logarithms are interpolated."""
    known = sorted(table)
    if not known[0] <= bits <= known[-1]:
        raise CardError(f"no ADC of {bits:g} bits: the table runs from {known[0]} to {known[-1]} bits")
    low = max(b for b in known if b <= bits)
    high = min(b for b in known if b >= bits)
    share = (bits - low) / (high - low) if high > low else 0.0
    return math.exp((1 - share) * math.log(table[low]) + share * math.log(table[high]))
