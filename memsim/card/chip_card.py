"""The chip card: every number of a simulated chip that is not learned, in one TOML file.

A card says which cell sits where, how the arrays are cut and read, what a converter resolves and what each
event costs. Inside it is SI; at the border the unit is in the key (``"g_max [S]"``).  Unknown keys and values
outside the stated range are refused by name, with the likely slip.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from typing_extensions import Self  # in typing from Python 3.11 on

from memsim import packaged_cards
from memsim.card.cells import check_use, effects_of, every_effect, must_be_built
from memsim.card.fields import ADC_EFFECTS, ARRAY_EFFECTS, CardFields
from memsim.card.idle import idle
from memsim.card.own_adcs import check_own_adc
from memsim.card.tables import beside, merged, table
from memsim.devices.toml_file import CardError, refusal, sized
from memsim.prices.events import priced_by_parts
from memsim.prices.price import Price
from memsim.prices.technology import Technology

if TYPE_CHECKING:
    from aihwkit.simulator.configs import InferenceRPUConfig

    from memsim.card.design import Design, Drive, Siemens
    from memsim.card.exchange_report import ExchangeReport
    from memsim.devices.cell import PulsedCell
    from memsim.devices.weights.weight_cell import WeightCell

CARDS = "memsim.cards"

SWITCHED = {"weights", "attention", "wear", "weight_faults", "attention_faults"}
"""Sections that decide which effects a card has."""


class ChipCard(CardFields):
    """A chip card.

    ``ChipCard.load(name or file)`` reads one; ``without``/``only`` switch effects; ``replace`` swaps fields,
    ``strengths`` among them.
    Raises CardError for anything that cannot be used.
    """

    @classmethod
    def load(cls, name: str | Path) -> ChipCard:
        """Return the built-in card of that name, or the card in that TOML file."""
        return cls.parse(beside(name, packaged_cards.read(name, CARDS, "card")), origin=str(name))

    @classmethod
    def parse(cls, fields: dict[str, Any], origin: str = "card") -> ChipCard:
        """Return a card from a mapping with the keys of the TOML file; the technology adds the prices it
        lacks.
        """
        card = cls._read(fields, origin)
        try:
            card._check()
        except ValueError as error:
            raise CardError(f"{origin}: {error}") from None
        return card

    @classmethod
    def from_rpu_config(
        cls, config: Any, *, name: str = "rpu-config", strict: bool = False
    ) -> tuple[ChipCard, ExchangeReport]:
        """Return the card of an aihwkit InferenceRPUConfig, and what became of each of its fields.

        Its weight arrays are those of the configuration, all else is the default card's.  Warns
        (LossyExchange) of what a card cannot say; strict: raises CardError instead.  Raises CardError for
        noise models, converters and configurations that no card can have.
        """
        from memsim.card.exchange_report import report_of
        from memsim.card.from_rpu_config import fields_of

        try:
            fields, lines = fields_of(config)
        except ValueError as error:
            raise CardError(f"{name}: {error}") from None
        card = cls.load("default").replace(name=name, description="From an aihwkit configuration", **fields)
        return card, report_of(lines, name, strict=strict)

    def to_rpu_config(
        self, *, out_bound: float = 12.0, strict: bool = False
    ) -> tuple[InferenceRPUConfig, ExchangeReport]:
        """Return the aihwkit configuration of this card's weight arrays, and what became of each field.

        out_bound: range of the ADCs, in products of the largest weight and the largest input; a card has none
        of its own, as memsim calibrates.  Warns (LossyExchange) of fields that are not the default card's and
        that a configuration cannot say; strict: raises CardError instead.  Raises CardError for cells aihwkit
        has no model of.
        """
        from memsim.card.exchange_report import report_of
        from memsim.card.to_rpu_config import inference_config, lines_of

        dac, adc = self.on("dac"), self.on("adc")
        try:
            config = inference_config(
                self,
                self.weight_cell,
                input_bits=self.weights.dac_bits if dac else None,
                output_bits=self.weights.adc_bits if adc else None,
                output_bound=out_bound,
            )
        except ValueError as error:
            raise CardError(f"{self.name}: {error}") from None
        lines = lines_of(self, type(self).load("default"), self.weight_cell, out_bound)
        return config, report_of(lines, self.name, strict=strict)

    @classmethod
    def _read(cls, fields: dict[str, Any], origin: str) -> ChipCard:
        """Return a card whose fields are right one by one; whether they go together is not checked."""
        fields = sized(fields, origin)
        technology = Technology.load(fields.get("technology", cls.model_fields["technology"].default))
        prices = fields.get("prices", {})
        prices = {**technology.prices, **prices} if isinstance(prices, Mapping) else prices
        try:
            card = cls.model_validate(dict(fields) | {"prices": prices})
            check_use("weights", card.weights.cell, "weight")
            check_use("attention", card.attention.cell, "pulsed")
        except ValidationError as error:
            raise refusal(cls, error, origin) from None
        except ValueError as error:
            raise CardError(f"{origin}: {error}") from None
        return card

    def _check(self) -> None:
        """Raise ValueError for settings without effect, effects that the cells lack, and cells that cannot be
        used as the card asks.
        """
        for one in idle(self):
            raise ValueError(one.words)
        if self.wired and math.isnan(self.segment().resistance):
            raise ValueError(
                f"wires: technology {self.technology!r} has no [wires]; give wire_resistance [ohm], or take "
                'wires = "none"'
            )
        home = Technology.load(self.technology)
        for event, price in self.own_prices.items():
            here = home.at_home(price)  # refuses what cannot be scaled
            if event in home.prices:
                here.check_against(f"prices.{event}", home.prices[event])
        for name, section in (("weights", self.weights), ("attention", self.attention)):
            check_own_adc(name, section, home)
        there = self._switches
        for field, named in (("off", self.off), ("strengths", self.strengths)):
            for effect in sorted(set(named) - there):
                raise ValueError(f"{field}: {self._lacks(effect)}")
        if must_be_built(self.weights, self.attention):
            _ = self.design

    def _lacks(self, effect: str) -> str:
        """Return words for an effect that this card does not have."""
        if effect in {*ARRAY_EFFECTS, *every_effect()}:
            words = f"{effect!r} is no effect of {self.weights.cell}, {self.attention.cell} and their arrays"
        else:
            near = get_close_matches(effect, self._switches, 1)
            words = f"unknown effect {effect!r}" + (f" (did you mean {near[0]!r}?)" if near else "")
        return f"{words}; this card has: {', '.join(self.effects) or 'none, all is ideal'}"

    def replace(self, **sections: Any) -> ChipCard:
        """Return a copy with fields replaced, validated like a file: ``card.replace(weights={"cell":
        "ideal"})``.

        What the replaced fields leave without effect is left out: of ``off`` and ``strengths`` what other
        cells do not have, settings of another mode, numbers that another cell has of its own.
        """
        fields = self.model_dump(by_alias=True, exclude_unset=True) | {"prices": self.own_prices}
        switches = {key: sections.pop(key) for key in ("off", "strengths") if key in sections}
        fields = merged(type(self), fields, sections)
        if (self.off or self.strengths) and SWITCHED & sections.keys():
            there = self._read(fields | {"off": [], "strengths": {}}, self.name)._switches
            fields["off"] = self.off & there
            fields["strengths"] = {e: factor for e, factor in self.strengths.items() if e in there}
        fields = merged(type(self), fields, switches)
        for one in idle(self._read(fields, self.name)):
            if not {one.field, one.field.split(" [")[0]} & table(sections, one.section).keys():
                table(fields, one.section).pop(one.field, None)
        return self.parse(fields, origin=self.name)

    def without(self, *effects: str) -> ChipCard:
        """Return the same chip with these effects ideal."""
        return self.replace(off=self.off | set(effects))

    def only(self, *effects: str) -> ChipCard:
        """Return the same chip with these effects alone. Raises CardError for effects that it does not
        have.
        """
        for effect in effects:
            if effect not in self.effects:
                raise CardError(f"{self.name}: {self._lacks(effect)}")
        return self.replace(off=(self.off | set(self.effects)) - set(effects))

    @cached_property
    def design(self) -> Design:
        """What the card comes to, resolved once: cells, drive, prices, number format."""
        from memsim.card.design import resolve

        return resolve(self)

    @property
    def effects(self) -> tuple[str, ...]:
        """Every effect this card's cells and arrays have, whether on or off."""
        return tuple(dict.fromkeys([*self._cell_effects, *(() if self.ideal else self._array_effects)]))

    @property
    def _array_effects(self) -> list[str]:
        asked = {"wear": self.wear.cycles_before > 0, "wires": self.wired}
        asked["output-noise"] = self.weights.output_noise > 0
        asked["weight-rounding"] = self.weights.coding.rounds
        asked["amplifier-noise"] = self.weights.amplifier_noise > 0 or self.attention.amplifier_noise > 0
        asked["faults"] = self.weight_faults.made or self.attention_faults.made
        adcs = self.weights.adc, self.attention.adc
        asked["adc-mismatch"] = any(adc.capacitor_mismatch for adc in adcs)
        asked["adc-offset"], asked["adc-gain"] = any(a.offset for a in adcs), any(a.gain for a in adcs)
        asked["adc-inl"] = any(adc.inl or adc.curvature for adc in adcs)
        return [effect for effect in ARRAY_EFFECTS if asked.get(effect, True)]

    @property
    def _cell_effects(self) -> tuple[str, ...]:
        return (*effects_of(self.weights.cell), *effects_of(self.attention.cell))

    @property
    def _switches(self) -> set[str]:
        """Names that ``off`` and ``strengths`` may hold: of the cells, and of any card's arrays."""
        return {*self._array_effects, *self._cell_effects}

    @property
    def calibrates(self) -> bool:
        """Whether converters need training images to set their ranges."""
        adcs = self.design.weight_adc, self.design.attention_adc
        return self.on("dac") or any(adc.rounds or not adc.exact for adc in adcs)

    @property
    def converter_effects(self) -> list[str]:
        """Effects that are to be switched off for converters to be ideal."""
        return [effect for effect in ("adc", "dac", *ADC_EFFECTS) if effect in self.effects]

    @property
    def weight_cell(self) -> WeightCell:
        """The weight cell with this card's range and effects."""
        return self.design.weight_cell

    @property
    def attention_cell(self) -> PulsedCell:
        """The pulsed cell with this card's effects, reset, wear and devices for each synapse."""
        return self.design.attention_cell

    @property
    def reset_tries(self) -> float:
        """Resets of a device for each write [1], in the mean; 0 where pulses do it."""
        return self.design.reset_tries

    @property
    def full_write(self) -> int:
        """Pulses at the top of the STDP window: the card's, or the attention cell's own number."""
        return self.design.full_write

    @property
    def pulse_drive(self) -> Drive:
        """Height [V] and length [s] of a write pulse; no height where none is known or no current flows."""
        return self.design.pulse_drive

    @property
    def cell_siemens(self) -> Siemens:
        """Conductance of an attention cell's w = 0 and of one unit of w [S], G = rest + w unit."""
        return self.design.cell_siemens

    @property
    def all_prices(self) -> Mapping[str, Price]:
        """The card's prices, and those that a known voltage gives."""
        return self.design.prices

    def price(self, event: str) -> Price:
        """Return the price of an event; CardError where the card has none."""
        return self.design.price(event)

    def check_prices(self, build: bool = False) -> None:
        """Raise CardError where an event of the arrays has no price, before a run that reports energy.

        build: build the cells, whatever they are, to ask for their events; else where they must be built.
        """
        if self.ideal:
            return
        self._check_technology()
        for name, section in (("weights", self.weights), ("attention", self.attention)):
            event = section.adc_event
            if section.adc.energy is None and event not in self.prices:
                known = ", ".join(price[4:-1] for price in self.prices if price.startswith("adc-"))
                raise CardError(
                    f"{self.name}: {name}.adc_bits = {section.adc_bits}: no price for {event}; add"
                    f' a [prices.{event}] table with a source, or "energy [J]" and source to [{name}.adc],'
                    f" or take one of {known} bits"
                )
        if build or must_be_built(self.weights, self.attention):
            weight, pulsed = (c.technology.lower() for c in (self.weight_cell, self.attention_cell))
            cells = (f"program-{weight}", f"pulse-{pulsed}", f"reset-{pulsed}")
            for event in cells:
                self.price(event)

    def _check_technology(self) -> None:
        """Raise CardError for an event of arrays or of digital parts that the technology has no part for, and
        where it lacks the node that a band is scaled to, or an SRAM.
        """
        technology = Technology.load(self.technology)
        for event in priced_by_parts():
            if event.name not in self.prices:
                raise CardError(
                    f"{self.name}: no price for {event.name!r}: technology {self.technology} lacks a part of"
                    f" {', '.join(event.parts)}; lend it with scaled_from, or add a"
                    f" [prices.{event.name}] table with a source"
                )
        technology.scale_to(technology)
        if technology.sram is None:
            raise CardError(
                f"{self.name}: technology {self.technology} has no [sram]; lend it with scaled_from"
            )

    def __copy__(self) -> Self:
        """Return a copy with its fields alone: what is found from them is found anew, as one may change."""
        copied = super().__copy__()
        fields = {key: value for key, value in self.__dict__.items() if key in type(self).model_fields}
        object.__setattr__(copied, "__dict__", fields)
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return super(ChipCard, self.__copy__()).__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        return super(ChipCard, self.__copy__()).__getstate__()


def built_in() -> list[str]:
    """Return names of the cards that come with memsim."""
    return packaged_cards.built_in(CARDS)
