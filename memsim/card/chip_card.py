"""The chip card: every number of a simulated chip that is not learned, in one TOML file.

A card says which cell sits where, how the arrays are cut and read, what a converter resolves and what each
event costs. Inside it is SI; at the border the unit is in the key (``"g_max [S]"``).  Unknown keys and values
outside the stated range are refused by name, with the likely slip.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, ValidationError, field_serializer, field_validator

from memsim import devices
from memsim.card import files as card_file
from memsim.card.sections import AttentionSection, WearSection, WeightSection
from memsim.devices.cell import MAX_STRENGTH
from memsim.devices.pulses.resets import PulsedReset, verified_reset
from memsim.devices.pulses.synapse import synapse
from memsim.devices.pulses.wear import Worn
from memsim.devices.toml_file import CardError, Section, refusal
from memsim.prices.events import find
from memsim.prices.price import Price
from memsim.prices.technology import Technology

CARDS = "memsim.cards"

GATED = ("fefet", "ecram", "capacitor")
"""Technologies whose pulses act on a gate: no current through the cell, V^2 G t is not their energy."""

ARRAY_EFFECTS = ("dac", "adc", "pulse-rounding", "wear")
"""Non-idealities of the array rather than of the cell: input and output converters, whole pulses, and what
its writes until now did to it.
"""


class ChipCard(Section):
    """A chip card.

    ``ChipCard.load(name or file)`` reads one; ``without``/``only`` switch effects; ``replace`` swaps fields,
    ``strengths`` among them.
    Raises CardError for anything that cannot be used.
    """

    name: str
    description: str = ""
    weights: WeightSection = WeightSection()
    attention: AttentionSection = AttentionSection()
    wear: WearSection = WearSection()
    wire_resistance: float = Field(default=2.0, alias="wire_resistance [ohm]", ge=0, lt=1e3)
    """Resistance of one wire segment [ohm]; only kappa = r g_max N^2 is reported, wires are not simulated
    yet.
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
    """Factor on the spread of an effect (on nu for drift); 1 where absent, 0 is off. ``off`` goes first."""

    @field_serializer("digital", when_used="json")
    def _in_order(self, digital: frozenset[str]) -> list[str]:
        return sorted(digital)

    @field_validator("prices")
    @classmethod
    def _of_events(cls, prices: dict[str, Price]) -> dict[str, Price]:
        for event in prices:
            find(event)  # refuses what nothing emits
        return prices

    @field_validator("off", "strengths")
    @classmethod
    def _known_effects(cls, named: Any) -> Any:
        known = {*ARRAY_EFFECTS, *(e for name in devices.names() for e in devices.get(name).effects)}
        for effect in sorted(set(named) - known):
            raise ValueError(f"unknown effect {effect!r}; known: {', '.join(sorted(known))}")
        return named

    @field_validator("strengths")
    @classmethod
    def _with_a_spread(cls, strengths: dict[str, float]) -> dict[str, float]:
        for effect in sorted(set(strengths) & set(ARRAY_EFFECTS)):
            why = "grows with wear.cycles_before" if effect == "wear" else "rounds"
            raise ValueError(
                f"{effect!r} {why}, it has no spread to scale; set dac_bits, adc_bits or n_max instead"
            )
        return strengths

    @classmethod
    def load(cls, name: str | Path) -> ChipCard:
        """The built-in card of that name, or the card in that TOML file."""
        return cls.parse(_beside(name, card_file.read(name, CARDS, "card")), origin=str(name))

    @classmethod
    def parse(cls, fields: dict[str, Any], origin: str = "card") -> ChipCard:
        """A card from a mapping with the keys of the TOML file; the technology adds the prices it lacks."""
        technology = Technology.load(fields.get("technology", cls.model_fields["technology"].default))
        prices = {**technology.prices, **fields.get("prices", {})}
        try:
            card = cls.model_validate(fields | {"prices": prices})
            _ = card.attention_cell  # unknown presets are refused here
            card.weight_cell.chord(torch.zeros(1), card.weights.read_voltage)  # and voltages beyond its curve
        except ValidationError as error:
            raise refusal(cls, error, origin) from None
        except ValueError as error:
            raise CardError(f"{origin}: {error}") from None
        return card

    def replace(self, **sections: Any) -> ChipCard:
        """A copy with fields replaced, validated like a file: ``card.replace(weights={"cell": "ideal"})``."""
        fields = self.model_dump(by_alias=True) | {"prices": self.own_prices}
        for key, value in sections.items():
            fields[key] = {**fields[key], **value} if isinstance(value, dict) else value
        return self.parse(fields, origin=self.name)

    def without(self, *effects: str) -> ChipCard:
        """The same chip with these effects ideal."""
        return self.replace(off=self.off | set(effects))

    def only(self, *effects: str) -> ChipCard:
        """The same chip with these effects alone."""
        card = self.without(*effects)  # refuses unknown names
        return self.replace(off=(self.off | set(card.effects)) - set(effects))

    @property
    def effects(self) -> tuple[str, ...]:
        """Every effect this card's cells and arrays have, whether on or off."""
        cells = (devices.get(self.weights.cell), devices.get(self.attention.cell))
        own = [e for cell in cells for e in cell.effects]
        array = [e for e in ARRAY_EFFECTS if e != "wear" or self.wear.cycles_before > 0]
        return tuple(dict.fromkeys([*own, *(() if self.ideal else array)]))

    @property
    def ideal(self) -> bool:
        """Both cells ideal: every non-ideality off, converters included, computed in float64."""
        return self.weights.cell == self.attention.cell == "ideal"

    def on(self, effect: str) -> bool:
        """Whether an effect of the arrays is simulated."""
        return not self.ideal and effect not in self.off

    @property
    def weight_cell(self) -> devices.WeightCell:
        """The weight cell with this card's range and effects."""
        cell = devices.get(self.weights.cell)
        if not _is(cell, devices.WeightCell):
            raise ValueError(
                f"weights.cell = {cell.name!r} is no weight cell; weight cells: {_cells(devices.WeightCell)}"
            )
        if self.weights.g_max is not None:
            cell = dataclasses.replace(cell, g_max=self.weights.g_max)  # type: ignore[call-arg]
        return self._at_strength(cell)  # type: ignore[return-value]

    @property
    def attention_cell(self) -> devices.PulsedCell:
        """The pulsed cell with this card's effects, reset, wear and devices for each synapse."""
        cell, wear, section = self._reset_cell[0], self.wear, self.attention
        if self.on("wear") and wear.endurance and wear.cycles_before and not cell.exact:
            cell = Worn.of(
                cell, cycles=wear.cycles_before, endurance=wear.endurance, shape=wear.shape,
                stuck_high=wear.stuck_high,
            )  # fmt: skip
        return cell if cell.exact else synapse(cell, section.devices_per_synapse, section.sharing)

    @property
    def reset_tries(self) -> float:
        """Resets of a device for each write [1], in the mean; 0 where pulses do it."""
        return self._reset_cell[1]

    @property
    def _reset_cell(self) -> tuple[devices.PulsedCell, float]:
        cell = devices.get(self.attention.cell)
        if not _is(cell, devices.PulsedCell):
            raise ValueError(
                f"attention.cell = {cell.name!r} cannot be pulsed; pulsed cells: {_cells(devices.PulsedCell)}"
            )
        pulsed: devices.PulsedCell = self._at_strength(cell)  # type: ignore[assignment]
        if pulsed.exact or self.attention.reset == "once":
            return pulsed, 1.0
        if self.attention.reset == "verified":
            return verified_reset(pulsed, self.attention.reset_tolerance)
        return PulsedReset.of(pulsed, reset_pulses=self.attention.reset_pulses), 0.0

    @property
    def own_prices(self) -> dict[str, Price]:
        """The prices that are not those of the technology."""
        theirs = Technology.load(self.technology).prices
        return {event: price for event, price in self.prices.items() if theirs.get(event) != price}

    def _at_strength(self, cell: devices.Cell) -> devices.Cell:
        """A cell with those of this card's effects that it has."""
        scaled = cell.scaled({e: f for e, f in self.strengths.items() if e in cell.effects})
        return scaled.without(*self.off & set(cell.effects))

    def price(self, event: str) -> Price:
        """The price of an event; CardError where the card has none."""
        known = self.all_prices
        if event not in known:
            raise CardError(
                f"{self.name}: no price for {event!r}; add a [prices.{event}] table with a source"
            )
        return known[event]

    @property
    def full_write(self) -> int:
        """Pulses at the top of the STDP window: the card's, or the attention cell's own number."""
        return self.attention.n_max or self.attention_cell.n_max

    @property
    def pulse_drive(self) -> tuple[float | None, float]:
        """Height [V] and length [s] of a write pulse, the cell's own first; no height where none is known or
        no current flows.
        """
        cell: Any = devices.get(self.attention.cell)
        time = getattr(cell, "pulse_time", None) or self.attention.pulse_time
        gated = cell.exact or cell.technology.lower() in GATED
        return None if gated else cell.pulse_voltage or self.attention.pulse_voltage, time

    @property
    def cell_siemens(self) -> tuple[float, float]:
        """Conductance of an attention cell's w = 0 and of one unit of w [S], G = rest + w unit."""
        cell: Any = devices.get(self.attention.cell)
        if not cell.exact and cell.conductances:
            return cell.conductances
        unit = 1.0 if cell.unit == "S" else self.attention.g_unit
        return (0.0 if cell.unit == "S" or cell.one_sided else self.attention.g_mid), unit

    @property
    def all_prices(self) -> dict[str, Price]:
        """The card's prices, and those a known voltage tells: V^2 G t in the middle of the range for a pulse,
        and for a reset, assumed to be one pulse.
        """
        voltage, time = self.pulse_drive
        if voltage is None:
            return self.prices
        cell = devices.get(self.attention.cell)
        (rest, unit), told = self.cell_siemens, cell.describe()
        energy = voltage**2 * time * (rest or unit * (told.low + told.high) / 2)
        source, kind = f"V^2 G t of {cell.name} in the middle of its range", cell.technology.lower()
        pulse = Price.model_validate({"energy [J]": energy, "source": source})
        reset = pulse.model_copy(update={"source": f"{source}, one pulse", "assumption": True})
        return self.prices | {f"pulse-{kind}": pulse, f"reset-{kind}": reset}


def built_in() -> list[str]:
    """Names of the cards that come with memsim."""
    return card_file.built_in(CARDS)


def _beside(name: str | Path, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a card with the paths of its device cards and its technology from where the card lies, if
    they lie there.
    """
    technology = str(fields.get("technology", ""))
    if technology.endswith(".toml") and (Path(name).parent / technology).is_file():
        fields["technology"] = str((Path(name).parent / technology).resolve())
    for section in ("weights", "attention"):
        cell = fields.get(section, {}).get("cell")
        if isinstance(cell, str) and cell.endswith(".toml") and (Path(name).parent / cell).is_file():
            fields[section]["cell"] = str(Path(name).parent / cell)
    return fields


def _is(cell: devices.Cell, kind: type) -> bool:
    """Whether a cell serves as that kind; an exact one serves as any."""
    return isinstance(cell, kind) or cell.exact


def _cells(kind: type) -> str:
    return ", ".join(n for n in devices.names() if _is(devices.get(n), kind))
