"""A design: what a chip card comes to, resolved once: cells, drive, prices, number format."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, final

import torch

from memsim.card.circuit_noise import one_device
from memsim.card.fields import CardFields
from memsim.card.idle import GATED
from memsim.card.sections import AttentionSection, WearSection
from memsim.converters.adc import Adc
from memsim.converters.dac import Dac
from memsim.devices import registry
from memsim.devices.cell import Cell, PulsedCell
from memsim.devices.pulses.corrupt import with_corrupt
from memsim.devices.pulses.resets import PulsedReset, verified_reset
from memsim.devices.pulses.stuck import Faulty
from memsim.devices.pulses.synapse import synapse
from memsim.devices.pulses.wear import Worn
from memsim.devices.toml_file import CardError
from memsim.devices.weights.weight_cell import WeightCell
from memsim.prices.price import ANY, MAX_ENERGY, NODE_UNKNOWN, Price
from memsim.prices.technology import CELL_EVENTS, Technology


class Drive(NamedTuple):
    """A write pulse of the attention arrays."""

    voltage: float | None
    """Height [V]; None where none is known, or where no current flows through the cell."""
    time: float
    """Length [s]."""


class Siemens(NamedTuple):
    """Conductances of an attention cell, G = rest + w unit."""

    rest: float
    """Of w = 0 [S]."""
    unit: float
    """Of one unit of w [S]."""


@final
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """Everything that arrays, ledger and engines ask a card for, found once: ``card.design``."""

    name: str
    """The card's."""
    ideal: bool
    """Both cells ideal: every non-ideality off, converters included."""
    off: frozenset[str]
    """Effects switched off."""
    dtype: torch.dtype
    """Numbers of the arrays: float64 where all is ideal, float32 otherwise."""
    weight_cell: WeightCell
    """The weight cell with the card's range and effects."""
    attention_cell: PulsedCell
    """The pulsed cell with the card's effects, reset, faults, wear and devices for each synapse."""
    unworn_cell: PulsedCell
    """The same without faults and wear: what a chip is calibrated with."""
    reset_tries: float
    """Resets of a device for each write [1], in the mean; 0 where pulses do it."""
    full_write: int
    """Pulses at the top of the STDP window: the card's, or the attention cell's own number."""
    pulse_drive: Drive
    """The cell's own numbers first, then the card's."""
    cell_siemens: Siemens
    """The cell's own numbers first, then the card's."""
    weight_adc: Adc
    """The ADCs of the weight arrays."""
    attention_adc: Adc
    """The ADCs of the attention arrays."""
    dac: Dac
    """What drives the weight arrays' rows with numbers."""
    prices: Mapping[str, Price]
    """The card's prices, and those that a known voltage gives: V^2 G t for a pulse and a reset."""

    def on(self, effect: str) -> bool:
        """Return whether an effect of the arrays is simulated."""
        return not self.ideal and effect not in self.off

    def price(self, event: str) -> Price:
        """Return the price of an event. Raises CardError where the card has none."""
        if event not in self.prices:
            raise CardError(
                f"{self.name}: no price for {event!r}; add a [prices.{event}] table with a source"
            )
        return self.prices[event]

    def __deepcopy__(self, memo: Any) -> Design:
        return self


def resolve(card: CardFields) -> Design:
    """Return the design of a card. Raises ValueError for cells that cannot be used as the card asks."""
    preset: Any = registry.get(card.attention.cell)
    siemens = _siemens(preset, card.attention)
    new, tries = _with_reset(_with_effects(preset, card), card, siemens)
    faulty = _faulty(preset, new, card, siemens) if card.on("faults") else new
    worn = _worn(faulty, card.wear) if card.on("wear") else faulty
    cell = _synapse(worn, card.attention)
    drive = _drive(preset, card.attention)
    _check_conductances(preset, siemens)
    return Design(
        name=card.name,
        ideal=card.ideal,
        off=card.off,
        dtype=torch.float64 if card.ideal else torch.float32,
        weight_cell=_weight_cell(card),
        attention_cell=cell,
        unworn_cell=cell if worn is new else _synapse(new, card.attention),
        reset_tries=tries,
        full_write=card.attention.n_max or cell.n_max,
        pulse_drive=drive,
        cell_siemens=siemens,
        weight_adc=card.weights.adc.made(card.weights.adc_bits, card.on),
        attention_adc=card.attention.adc.made(card.attention.adc_bits, card.on),
        dac=card.weights.dac.made(card.weights.dac_bits, card.on),
        prices=_at_home(card) | _dac_price(card) | _pulse_prices(preset, drive, siemens),
    )


def _with_effects(cell: Cell, card: CardFields) -> Any:
    """Return a cell with those of the card's effects that it has."""
    scaled = cell.scaled({e: factor for e, factor in card.strengths.items() if e in cell.effects})
    return scaled.without(*card.off & set(cell.effects))


def _weight_cell(card: CardFields) -> WeightCell:
    """Return the weight cell; ValueError for a g_max above the cell's or a read voltage beyond its I-V
    curve.
    """
    cell: Any = registry.get(card.weights.cell)
    if card.weights.g_max is not None:
        cell = dataclasses.replace(cell, g_max=card.weights.g_max)
    if card.weights.device_errors == "relative" and not cell.exact:
        try:
            cell = cell.in_proportion()
        except ValueError as error:
            raise ValueError(f'weights.device_errors = "relative" has no effect: {error}') from None
    cell = _with_effects(cell, card)
    if not cell.exact and cell.on("temperature"):
        cell = cell.at(card.temperature)
    if not cell.exact and cell.flicker is not None and card.weights.flicker_period != cell.flicker.first:
        first = card.weights.flicker_period
        cell = dataclasses.replace(cell, flicker=dataclasses.replace(cell.flicker, first=first))
    cell.chord(torch.zeros(1), card.weights.read_voltage)
    return cell


def _with_reset(cell: PulsedCell, card: CardFields, siemens: Siemens) -> tuple[PulsedCell, float]:
    """Return the cell as it is reset, and resets for each write."""
    section = card.attention
    if cell.exact or section.reset == "once":
        return cell, 1.0
    if section.reset == "verified":
        return verified_reset(cell, section.reset_tolerance, one_device(card, cell, *siemens))
    return PulsedReset.of(cell, reset_pulses=section.reset_pulses), 0.0


def _faulty(preset: Any, new: PulsedCell, card: CardFields, siemens: Siemens) -> PulsedCell:
    """Return the cell with its faulty devices; open lines are those of arrays."""
    faults = card.attention_faults
    if new.exact:
        return new
    if faults.corrupt_devices:
        new, _ = _with_reset(with_corrupt(_with_effects(preset, card)), card, siemens)
    return Faulty.of(new, shares=faults.stuck) if faults.lasting else new


def _worn(cell: PulsedCell, wear: WearSection) -> PulsedCell:
    if cell.exact or not (wear.endurance and wear.cycles_before):
        return cell
    return Worn.of(
        cell, cycles=wear.cycles_before, endurance=wear.endurance, shape=wear.shape,
        stuck_high=wear.stuck_high,
    )  # fmt: skip


def _synapse(cell: PulsedCell, section: AttentionSection) -> PulsedCell:
    return cell if cell.exact else synapse(cell, section.devices_per_synapse, section.sharing)


def _check_conductances(cell: PulsedCell, siemens: Siemens) -> None:
    """Raise ValueError where the lowest state of a nominal device would have a conductance below 0."""
    lowest = siemens.rest + siemens.unit * cell.describe().low
    if not cell.exact and lowest < -1e-9 * siemens.unit:
        raise ValueError(
            f"attention.g_mid [S] = {siemens.rest:g} and g_unit [S] = {siemens.unit:g}: the lowest state of"
            f" {cell.name}, w = {cell.describe().low:g}, would have {lowest:.3g} S; g_mid must be larger, or"
            " g_unit smaller"
        )


def _drive(cell: Any, section: AttentionSection) -> Drive:
    time = getattr(cell, "pulse_time", None) or section.pulse_time
    gated = cell.exact or cell.technology.lower() in GATED
    return Drive(None if gated else cell.pulse_voltage or section.pulse_voltage, time)


def _siemens(cell: Any, section: AttentionSection) -> Siemens:
    if not cell.exact and cell.conductances:
        return Siemens(*cell.conductances)
    absolute = cell.unit == "S"
    return Siemens(0.0 if absolute or cell.one_sided else section.g_mid, 1.0 if absolute else section.g_unit)


def _at_home(card: CardFields) -> dict[str, Price]:
    """Return the card's prices at the node of its technology; own ones say so where their node is unknown."""
    technology, own = Technology.load(card.technology), card.own_prices | card.converter_prices
    found = {event: technology.at_home(price) for event, price in (card.prices | own).items()}
    for event, price in own.items():
        if price.node is None and not event.startswith(CELL_EVENTS):
            found[event] = found[event].model_copy(update={"source": f"{price.source} ({NODE_UNKNOWN})"})
    return found


def _dac_price(card: CardFields) -> dict[str, Price]:
    """Return the technology's price of a DAC for this card's bits; none where the card has a price of its
    own.
    """
    technology, event = Technology.load(card.technology), "dac-conversion"
    if event in card.own_prices or "dac-8b" not in technology.parts:
        return {}
    return {event: technology.dac_price(card.weights.dac_bits)}


def _pulse_prices(cell: PulsedCell, drive: Drive, siemens: Siemens) -> dict[str, Price]:
    """V^2 G t in the middle of the range, where the voltage is known, for a pulse and for a reset of one
    pulse (an assumption).
    """
    if drive.voltage is None:
        return {}
    about = cell.describe()
    middle = siemens.rest or siemens.unit * (about.low + about.high) / 2
    source, kind = f"V^2 G t of {cell.name} in the middle of its range", cell.technology.lower()
    energy = drive.voltage**2 * drive.time * middle
    if not energy < MAX_ENERGY:
        raise ValueError(
            f"attention: a pulse of {drive.voltage:g} V and {drive.time:g} s takes {energy:.3g} J through"
            f" {middle:.3g} S; less than {MAX_ENERGY:g} J is allowed: are volts, seconds and siemens meant?"
        )
    pulse = Price.model_validate({"energy [J]": energy, "source": source, "node": ANY})
    reset = pulse.model_copy(update={"source": f"{source}, one pulse", "assumption": True})
    return {f"pulse-{kind}": pulse, f"reset-{kind}": reset}
