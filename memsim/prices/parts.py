"""Parts, converters, memories and wires as their sources have them, and at another node."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from memsim.devices.toml_file import CardError, Section
from memsim.prices.price import ANY, Price
from memsim.prices.scaling import Scale

Count = Annotated[int, Field(ge=1)]
"""A number of bytes."""
Bits = Annotated[int, Field(ge=1, le=32)]
Energy = Annotated[float, Field(gt=0, lt=1e-3)]
"""[J]; above 0, as values between two are found by logarithms."""
Area = Annotated[float, Field(gt=0, lt=1e-4)]
"""[m2], likewise."""

CELL_SIDE = {"1T1R": 4, "selector": 2, "passive": 2}
"""Scheme of an array -> side of its cells in widths of a wire: 4 with a transistor, 2 without (NeuroSim)."""


class Part(Price):
    """A part as its source has it."""

    analog: bool = False
    """Scaling it by a law for logic is an assumption."""

    def at(self, scale: Scale) -> Part:
        """Return the part at another node, that of the card which takes it; unscaled where no rule scales
        it.
        """
        if self.node == ANY:
            return self
        return self.times(scale, None).model_copy(update={"assumption": self.assumption or self.analog})


class Converter(Section):
    """An ADC design: energy of a conversion by bits, and what is known of its area and rate."""

    energy: dict[Bits, Energy] = Field(alias="energy [J]", min_length=1)
    """Bits -> energy of a conversion [J]."""
    area: dict[Bits, Area] = Field(default={}, alias="area [m2]")
    """Bits -> area of one converter [m2]."""
    rate: float | None = Field(default=None, alias="rate [1/s]", gt=1e4, lt=1e13)
    """Conversions of one converter in a second, at most."""
    source: str = Field(min_length=8)
    """Paper, table or file the numbers were read in."""
    assumption: bool = False
    """True where the numbers were scaled by a law that is not theirs."""
    bottom_up: str | None = None
    """The design whose parts it would be made of: given where the energy is that of a published chip's whole
    column, as the lower end of a band.
    """

    def price(self, bits: float) -> Price:
        """Return a conversion of `bits` bits; between two of the table the logarithms are interpolated.

        CardError outside the table.
        """
        area = _between(self.area, bits) if self.area else None
        found = {"energy [J]": _between(self.energy, bits), "area [m2]": area}
        return Price.model_validate(found | {"source": self.source, "assumption": self.assumption})

    def count(self, lines: int, time: float) -> int:
        """Return converters that digitise `lines` lines within a time [s]; one for each line where no rate is
        known.
        """
        return lines if self.rate is None else math.ceil(lines / max(math.floor(time * self.rate), 1))

    def at(self, scale: Scale) -> Converter:
        """Return the design at another node."""
        return self.model_copy(
            update={
                "energy": {bits: joule * scale.energy for bits, joule in self.energy.items()},
                "area": {bits: area * scale.area for bits, area in self.area.items()},
                "source": f"{self.source}; {scale.said}",
                "assumption": True,
            }
        )


class Memory(Section):
    """SRAM: energy of a 64-bit access by size; a bit is a 64th of it."""

    access: dict[Count, Annotated[float, Field(gt=1e-16, lt=1e-7)]] = Field(alias="access [J]", min_length=2)
    """Bytes -> energy of a 64-bit read or write [J]."""
    source: str = Field(min_length=8)
    """Paper, table or file the numbers were read in."""
    assumption: bool = False
    """True where the numbers were scaled by a law that is not theirs."""

    def price(self, size: float) -> Price:
        """Return a bit read or written in a memory of `size` bytes."""
        source = f"a bit of {size:,.0f} bytes; {self.source}"
        return Price.model_validate(
            {"energy [J]": self.bit(size), "source": source, "assumption": self.assumption}
        )

    def bit(self, size: float) -> float:
        """Return the energy of a bit [J] in a memory of `size` bytes: a power law between the points, and
        beyond them the one of the nearest two.
        """
        sizes = sorted(self.access)
        pair = next(((a, b) for a, b in pairwise(sizes) if size <= b), (sizes[-2], sizes[-1]))
        low, high = (self.access[s] for s in pair)
        slope = math.log(high / low) / math.log(pair[1] / pair[0])
        return low * (max(size, 1.0) / pair[0]) ** slope / 64

    def at(self, scale: Scale) -> Memory:
        """Return the memory at another node."""
        return self.model_copy(
            update={
                "access": {size: joule * scale.energy for size, joule in self.access.items()},
                "source": f"{self.source}; {scale.said}",
                "assumption": True,
            }
        )


class Wires(Section):
    """Wires of the lowest layers."""

    width: float = Field(alias="width [m]", gt=1e-9, lt=1e-5)
    """Width of a wire, F in the sizes of cells [m]."""
    resistance: float = Field(alias="resistance [ohm/m]", gt=1e3, lt=1e10)
    """Resistance of a wire for its length [ohm/m]."""
    capacitance: float = Field(default=2e-10, alias="capacitance [F/m]", gt=1e-12, lt=1e-7)
    """Capacitance of a wire for its length [F/m]."""
    source: str = Field(min_length=8)
    """Paper, table or file the numbers were read in."""

    def cell(self, side: float) -> tuple[float, float]:
        """Return the resistance [ohm] and capacitance [F] of a line over one cell whose side is `side` F; 4
        for one transistor and one device, 2 without a transistor.
        """
        length = side * self.width
        return length * self.resistance, length * self.capacitance


def _between(table: Mapping[int, float], bits: float) -> float:
    """Return a value of a table by bits; between two entries the logarithms are interpolated."""
    known = sorted(table)
    if not known[0] <= bits <= known[-1]:
        raise CardError(f"no ADC of {bits:g} bits: the table runs from {known[0]} to {known[-1]} bits")
    low = max(b for b in known if b <= bits)
    high = min(b for b in known if b >= bits)
    share = (bits - low) / (high - low) if high > low else 0.0
    return math.exp((1 - share) * math.log(table[low]) + share * math.log(table[high]))
