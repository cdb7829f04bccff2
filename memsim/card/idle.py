"""Settings that would have no effect beside the others: a card that changes one is refused.

A setting at its default is never idle.  What ideal cells or ``off`` switch off is idle on purpose and is not
listed: both serve to compare a card with itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from memsim.card.cells import effects_of
from memsim.card.faults import FaultSection
from memsim.card.fields import CardFields
from memsim.card.idle_converters import idle_converters
from memsim.card.idle_setting import Idle
from memsim.card.sections import AttentionSection
from memsim.devices import registry
from memsim.devices.check import FIRST
from memsim.devices.fault_shares import CORRUPT
from memsim.prices.events import find

GATED = ("fefet", "ecram", "capacitor")
"""Technologies whose pulses act on a gate: no current through the cell, V^2 G t is not their energy."""


def idle(card: CardFields) -> Iterator[Idle]:
    """Find the settings that differ from their defaults and change nothing."""
    changed = set(_changed(card.attention))
    if card.attention.order != "score" and "score_drive" in changed:
        yield Idle(
            "attention", "score_drive", f'it belongs to order = "score", not to "{card.attention.order}"'
        )
    if card.attention.cell != "ideal":
        for field, why in (*_by_mode(card.attention), *_by_cell(card.attention, changed)):
            if field in changed:
                yield Idle("attention", AttentionSection.model_fields[field].alias or field, why)
    for name, section, idle_lines in (
        ("weights", card.weights, card.weights.wires),
        ("attention", card.attention, card.attention.idle_lines),
    ):
        if idle_lines != "idle-off" and section.row_activity != type(section)().row_activity:
            yield Idle(name, "row_activity [1]", 'it belongs to wires = "idle-off", with transistors')
    if card.weights.device_errors == "relative" and (
        card.weights.g_max is None or card.weights.cell == "ideal"
    ):
        yield Idle("weights", "device_errors", "it belongs to a g_max [S] below the cell's own")
    if card.weights.reference != "written" and card.weights.compensation == "none":
        yield Idle("weights", "reference", 'compensation = "none" goes back to nothing')
    if card.weights.flicker_period != FIRST and "flicker-noise" not in effects_of(card.weights.cell):
        yield Idle("weights", "flicker_period [s]", f"{card.weights.cell} has no low-frequency noise")
    yield from _norms(card)
    yield from idle_converters(card)
    yield from _wear(card)
    yield from _faults(card)
    yield from _prices(card)


def _changed(section: AttentionSection | FaultSection) -> Iterator[str]:
    """Return the fields that are not at their defaults."""
    usual = type(section)()
    return (name for name in type(section).model_fields if getattr(section, name) != getattr(usual, name))


def _by_mode(section: AttentionSection) -> Iterator[tuple[str, str]]:
    """Yield fields that belong to another mode than the one chosen."""
    if section.reset != "verified":
        yield "reset_tolerance", f'it belongs to reset = "verified", not to "{section.reset}"'
    if section.reset != "pulses":
        yield "reset_pulses", f'it belongs to reset = "pulses", not to "{section.reset}"'
    else:
        yield "reset_time", 'reset = "pulses" takes reset_pulses times pulse_time'
    if section.devices_per_synapse == 1:
        yield "sharing", "pulses are shared among devices_per_synapse of 2 or more"


def _by_cell(section: AttentionSection, changed: set[str]) -> Iterator[tuple[str, str]]:
    """Yield fields that the cell has numbers of its own for; it is built only where one of them is
    changed.
    """
    if not changed & {"g_mid", "g_unit", "pulse_voltage", "pulse_time"}:
        return
    cell: Any = registry.get(section.cell)
    if cell.exact:
        return
    if cell.conductances or cell.unit == "S":
        yield "g_unit", f"{cell.name} has conductances of its own"
        yield "g_mid", f"{cell.name} has conductances of its own"
    elif cell.one_sided:
        yield "g_mid", f"{cell.name} moves one way, its pairs rest at 0 S"
    if cell.technology.lower() in GATED:
        yield "pulse_voltage", f"pulses of {cell.name} act on a gate, no current flows through the cell"
    elif cell.pulse_voltage:
        yield "pulse_voltage", f"{cell.name} has its own, {cell.pulse_voltage:g} V"
    if own := getattr(cell, "pulse_time", None):
        yield "pulse_time", f"{cell.name} has its own, {own:g} s"


def _norms(card: CardFields) -> Iterator[Idle]:
    """Yield a norm in columns that are scaled one by one."""
    if card.weights.batch_norm == "folded" and card.weights.scaling == "column":
        why = 'the digital scale of each column takes the norm\'s factor off again; take scaling = "layer"'
        yield Idle("weights", "batch_norm", why)


def _wear(card: CardFields) -> Iterator[Idle]:
    """Yield numbers of wear without any; with ``cycles_before = 0`` beside them they stand for a sweep's
    start.
    """
    given = card.wear.model_fields_set
    if "cycles_before" not in given:
        for field in sorted(given & {"endurance", "shape", "stuck_high"}):
            yield Idle("wear", field, "cycles_before, which they act on, is missing")


def _faults(card: CardFields) -> Iterator[Idle]:
    """Yield faults of ideal cells, spares where no line can be faulty, a corrupt share that no source
    gives.
    """
    worn = card.wear.cycles_before > 0
    for name, section, others in (
        ("weight_faults", card.weight_faults, False), ("attention_faults", card.attention_faults, worn)
    ):  # fmt: skip
        for field in _changed(section):
            if card.ideal or (name == "attention_faults" and card.attention.cell == "ideal"):
                whose = "both cells are ideal" if card.ideal else "its cell is ideal"
                yield Idle(name, field, f"{whose}, which has no fault; --only faults leaves faults alone on")
            elif field.startswith("spare") and not (section.made or others):
                yield Idle(name, field, "spare lines take the place of faulty ones, and no share is above 0")
            elif field == "corrupt_devices" and card.attention.cell not in CORRUPT:
                known = ", ".join(CORRUPT)
                yield Idle(name, field, f"only the sources of {known} give a share of corrupt devices")


def _prices(card: CardFields) -> Iterator[Idle]:
    """Yield prices of a card's own for events whose energy is known from the devices."""
    cell: Any = None
    for event in card.own_prices:
        declared = find(event)
        if declared.physics and not declared.priced:
            yield Idle("prices", event, f"its energy is {declared.physics}")
        elif event.startswith(("pulse-", "reset-")) and card.attention.cell != "ideal":
            cell = cell or registry.get(card.attention.cell)
            kind, voltage = cell.technology.lower(), cell.pulse_voltage or card.attention.pulse_voltage
            if event.endswith(f"-{kind}") and voltage and kind not in GATED:
                yield Idle("prices", event, f"pulses of {voltage:g} V take V^2 G t")
