"""The fields of a chip card, checked one by one: what its TOML file may say."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated

from pydantic import Field, field_serializer, field_validator, model_validator
from typing_extensions import Self  # in typing from Python 3.11 on

from memsim.card.faults import AttentionFaultSection, FaultSection
from memsim.card.sections import AttentionSection, WearSection, WeightSection
from memsim.devices.check import MAX_STRENGTH
from memsim.devices.refusals import LINE
from memsim.devices.toml_file import Section
from memsim.prices.events import find
from memsim.prices.parts import CELL_SIDE
from memsim.prices.price import Price
from memsim.prices.technology import Technology
from memsim.wires.segment import Segment

ADC_EFFECTS = ("adc-mismatch", "adc-offset", "adc-gain", "adc-inl")
"""Errors of each fabricated ADC: of a SAR's capacitors, of its zero, its slope, and its curvature."""

ARRAY_EFFECTS = (
    "dac",
    "adc",
    "pulse-rounding",
    "wear",
    "wires",
    "output-noise",
    "weight-rounding",
    "thermal-noise",
    "shot-noise",
    "amplifier-noise",
    "faults",
    *ADC_EFFECTS,
)
"""Non-idealities of the array rather than of the cell: input and output converters, whole pulses, what its
writes until now did to it, the resistance of its lines, noise of each conversion, weights on a grid,
noise of a conductance at its temperature, of its current, and of the amplifier behind a line, faults from
the start, and errors of each ADC.
"""


FRESH = {
    "thermal-noise": "temperature [K], read_time [s] and read_voltage [V]",
    "shot-noise": "fano [1], read_time [s] and read_voltage [V]",
    "amplifier-noise": "amplifier_noise [A/Hz^.5] and read_time [s]",
}
"""What noise of a read is made of, by effect."""


class CardFields(Section):
    """What a chip card says, field by field; `ChipCard` reads it and checks that its cells agree."""

    name: str = Field(pattern=LINE, max_length=100)
    description: str = Field(default="", max_length=1000)
    weights: WeightSection = WeightSection()
    attention: AttentionSection = AttentionSection()
    wear: WearSection = WearSection()
    weight_faults: FaultSection = FaultSection()
    attention_faults: AttentionFaultSection = AttentionFaultSection()
    wire_resistance: float | None = Field(default=None, alias="wire_resistance [ohm]", ge=0, lt=1e3)
    """Resistance of one wire segment, of word and bit lines [ohm]; absent: of the technology's lowest wires
    over ``cell_pitch``, .70 ohm at 45 nm.  Simulated where ``wires`` of the arrays says so, else only
    kappa = r g_max N^2 is reported.
    """
    cell_pitch: float | None = Field(default=None, alias="cell_pitch [m]", gt=1e-9, lt=1e-4)
    """Distance of neighbouring cells [m]; absent: four widths of a wire, two without a transistor."""
    temperature: float = Field(default=300.0, alias="temperature [K]", ge=0, le=1000)
    """Temperature of arrays [K]: thermal noise of their devices, and what cells with activation energies
    become of it once they are written; an assumption.
    """
    fano: float = Field(default=1.0, alias="fano [1]", ge=0, le=10)
    """Variance of the shot noise of devices over 2 q I per hertz [1]: 1 of independent electrons, the upper
    bound; 1/3 of a short metallic path, 0 of a long one (Blanter and Büttiker, Phys. Rep. 336, 2000).
    """
    digital: frozenset[str] = frozenset()
    """Layers that stay digital: their names, with shell wildcards (``blocks.0.*``)."""
    technology: str = "45nm"
    """Technology card of periphery, digital parts and writes: it prices what ``prices`` does not."""
    prices: dict[str, Price] = Field(default_factory=dict)
    """Price of each event: the card's own, then the technology's."""
    off: frozenset[str] = frozenset()
    """Effects switched off."""
    strengths: dict[str, Annotated[float, Field(ge=0, le=MAX_STRENGTH)]] = Field(default_factory=dict)
    """Factor on the spread of an effect (on nu for drift); default: 1; 0 is off. ``off`` takes precedence."""

    @model_validator(mode="after")
    def _faults_of_cells(self) -> Self:
        for name, cell in (("weight_faults", self.weights.cell), ("attention_faults", self.attention.cell)):
            object.__setattr__(self, name, getattr(self, name).of_cell(cell))
        object.__setattr__(self, "wear", self.wear.of_cell(self.attention.cell))
        return self

    @field_serializer("digital", when_used="json")
    def _in_order(self, digital: frozenset[str]) -> list[str]:
        return sorted(digital)

    @field_validator("prices")
    @classmethod
    def _of_events(cls, prices: dict[str, Price]) -> dict[str, Price]:
        for event in prices:
            find(event)  # refuses what nothing emits
        return prices

    @field_validator("strengths")
    @classmethod
    def _with_a_spread(cls, strengths: dict[str, float]) -> dict[str, float]:
        for effect in sorted(set(strengths) & set(ARRAY_EFFECTS)):
            grows = {
                "wear": "wear.cycles_before",
                "wires": "wire_resistance",
                "faults": "the shares of weight_faults and attention_faults",
            }
            why = f"grows with {grows[effect]}, it" if effect in grows else "rounds, it"
            if effect == "output-noise":
                raise ValueError(
                    "'output-noise' has its spread in the card: set weights.output_noise instead"
                )
            if effect in FRESH:
                raise ValueError(f"{effect!r} follows from {FRESH[effect]}: set these instead")
            if effect in ADC_EFFECTS:
                raise ValueError(
                    f"{effect!r} has its size in the card: set weights.adc or attention.adc instead"
                )
            raise ValueError(
                f"{effect!r} {why} has no spread to scale; set "
                "dac_bits, adc_bits, n_max, slice_bits or wire_resistance instead"
            )
        return strengths

    def segment(self, scheme: str = "1T1R") -> Segment:
        """Return one segment of a line, between neighbouring cells of a scheme; NaN where neither the card
        nor its technology says what it is.
        """
        side = None if self.cell_pitch else CELL_SIDE[scheme]
        if Technology.load(self.technology).wires is None:
            found = Segment(math.nan, math.nan)
        else:
            found = Segment.of(self.technology, side=side, pitch=self.cell_pitch)
        if self.wire_resistance is None:
            return found
        return Segment(self.wire_resistance, found.capacitance)

    @cached_property
    def ideal(self) -> bool:
        """Both cells ideal: every non-ideality off, converters included, computed in float64."""
        return self.weights.cell == self.attention.cell == "ideal"

    def on(self, effect: str) -> bool:
        """Return whether an effect of the arrays is simulated."""
        return not self.ideal and effect not in self.off

    @property
    def wired(self) -> bool:
        """Whether the card has resistive lines in any of its arrays."""
        return {self.weights.wires, self.attention.wires} != {"none"}

    @property
    def converter_prices(self) -> dict[str, Price]:
        """What ADCs with an energy of their own take for a conversion, at their own node, by event."""
        sections = (self.weights, self.attention)
        return {s.adc_event: s.adc.price for s in sections if s.adc.energy is not None and s.adc.price}

    @property
    def own_prices(self) -> dict[str, Price]:
        """The prices that are not those of the technology."""
        theirs = Technology.load(self.technology).prices
        named = ((event, price, theirs.get(event)) for event, price in self.prices.items())
        return {event: price for event, price, here in named if here is not price and here != price}
