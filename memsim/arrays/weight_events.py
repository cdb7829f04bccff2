"""Events of one read of a weight array, as they enter the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from memsim.arrays.ranges import Drives
from memsim.arrays.reading.unrolling import Unrolling
from memsim.arrays.reading.weight_read import Reading
from memsim.card.sections import WeightSection
from memsim.coding.coding import Coding
from memsim.converters.dac import Dac
from memsim.energy.ledger import Entry
from memsim.prices.events import ARRAY_READ
from memsim.run import Run


class Cut(Protocol):
    """How a matrix is cut into tiles."""

    groups: int
    columns: int
    tiles: int
    column_tiles: int
    conversions: int
    coding: Coding


class Tiled(Cut, Protocol):
    """What an array offers so that its events can be counted."""

    name: str
    run: Run
    rows: int
    read_energy: float
    dac: Dac
    counting: Counting


@dataclass(frozen=True)
class Counting:
    """What card and array decide about the events of a read before any is counted."""

    converted: tuple[str, ...]
    """Events of each conversion."""
    adcs: int
    """ADCs of a chip."""
    held: float
    """Energy of the sample-and-holds of one vector while they wait [J]."""
    cycle: float
    """Time of one pass of one vector [s]."""
    in_passes: bool
    """Whether numbers take several passes, or pulses of a length."""
    additions: int
    """Digital additions of one read of a vector, of its first pass."""
    passed: str
    """Event of adding a pass to those before it."""
    coded: bool
    """Whether the coding shifts slices, or scales what is taken off."""

    @classmethod
    def of(cls, card: WeightSection, dac: Dac, array: Cut) -> Counting:
        """Return what the card decides for an array."""
        lines = card.coding.widest(array.columns, array.column_tiles)
        by_tile = card.coding.by_tile(array.columns, array.column_tiles)
        held = card.adc.held(lines, card.conversion_time) * array.tiles * array.column_tiles
        return cls(
            converted=(card.adc_event, "sample-hold", *card.adc.corrections),
            adcs=array.tiles * array.groups * sum(map(card.adc.number, by_tile)),
            held=held,
            cycle=card.cycle_time(lines),
            in_passes=dac.serial or dac.timed,
            additions=array.coding.additions(array.columns, array.tiles, array.column_tiles),
            passed="shift-add" if dac.by.shifted else "digital-add",
            coded=array.coding.shifts(array.columns) + array.coding.scalings(array.columns) > 0,
        )


def count_read(
    array: Tiled,
    reading: Reading,
    sorts: Sequence[tuple[Drives | None, Any]],
    clipped: int,
    inputs: int,
    unrolling: Unrolling | None,
) -> None:
    """Enter the events of one read: drives, conversions, digital adds, what is moved, the actual sum of
    V^2 G t; and its time: one vector after the other, pass after pass, all tiles, groups and ADCs at once.

    sorts: what drove the rows of which chips, and how they were read; clipped: values that a DAC clipped;
    inputs: values that came in, each over the bus to every column tile.
    """
    run, name, plan = array.run, array.name, array.counting
    card, groups = run.card.weights, array.groups
    vectors = reading.numbers.numel() // array.columns
    driven, siemens = reading.driven, reading.siemens
    if groups > 1:
        driven, siemens = (n.unflatten(0, (-1, groups)).sum(1) for n in (driven, siemens))  # (S, T)
    events: list[Entry] = [(name, "row-drive", driven * array.column_tiles)]
    notes: list[Entry] = []
    bits = 0.0
    for drives, _ in sorts:
        chips = drives and drives.chips
        some = len(chips) / len(run.chips) if chips else 1.0
        numbers = reading.others if drives is None else not drives.spikes
        bits += inputs * some * (card.dac_bits if numbers else 1)
        if numbers:  # a border holds no value: its rows are not converted
            entered = vectors * array.rows * some * (1.0 if unrolling is None else unrolling.inside)
            if not array.dac.serial:
                events.append((name, "dac-conversion", entered * array.column_tiles))
            notes.append((name, "clipped inputs", clipped))
    events.append((name, "router-bit", bits))
    passes, time, more = 1.0, plan.cycle, 0.0  # of one vector; passes beyond the first
    if plan.in_passes:
        passes, time, more = _in_passes(array, sorts)
    converted = passes * (vectors * array.conversions)
    joules: list[Entry] = [(name, ARRAY_READ, siemens * array.read_energy)]
    if not run.card.ideal:
        for event in plan.converted:
            events.append((name, event, converted))
        notes.append((name, "clipped conversions", reading.clips))
        total = float(converted.sum()) if isinstance(converted, Tensor) else converted
        events.append((name, "bus-bit", bits * array.column_tiles + total * card.adc_bits))
        run.ledger.page.columns[name] = plan.adcs
        if plan.held:
            joules.append((name, "column-hold", passes * vectors * plan.held))
    events.append((name, "digital-add", (passes - more) * (vectors * plan.additions)))
    if plan.in_passes:  # a pass is added to those before it
        events.append((name, plan.passed, more * (vectors * array.conversions)))
    if plan.coded:
        numbers = any(drives is not None and not drives.spikes for drives, _ in sorts)
        events += _coded(array, driven, (passes - more) * vectors, numbers)
    run.ledger.enter(events, joules, notes, [(name, vectors / groups * time)])


def _coded(array: Tiled, driven: Tensor, vectors: float | Tensor, numbers: bool) -> list[Entry]:
    """Return what a coding adds to the read of each vector: shifts of slices, the sum of the drives (each
    weighed by what its row was measured to carry), and the factors of what is taken off.
    """
    coding, name, found = array.coding, array.name, list[Entry]()
    if shifts := coding.shifts(array.columns):
        found.append((name, "shift-add", vectors * shifts))
    if coding.subtracts:
        found.append((name, "digital-mac" if numbers and coding.measures else "digital-add", driven))
    if scalings := coding.scalings(array.columns):
        found.append((name, "digital-mac", vectors * scalings))
    return found


def _in_passes(
    array: Tiled, sorts: Sequence[tuple[Drives | None, Any]]
) -> tuple[float | Tensor, float, float | Tensor]:
    """Passes of one vector, by chip where chips differ and then a share of a vector each; the mean time of
    one vector [s]; passes beyond the first.
    """
    card, dac, cycle = array.run.card.weights, array.dac, array.counting.cycle
    whole = range(len(array.run.chips))
    passes, seconds = [1 for _ in whole], [cycle for _ in whole]
    for drives, _ in sorts:
        if drives is not None and not drives.spikes:
            for chip, levels in zip(drives.chips or whole, drives.levels(dac), strict=True):
                passes[chip] = dac.by.passes(levels)
                length = levels * dac.unit_pulse if dac.timed else card.read_time
                seconds[chip] = passes[chip] * (cycle - card.read_time + length)
    time = seconds[0] if len({*seconds}) == 1 else sum(seconds) / len(seconds)
    if len({*passes}) == 1:
        return float(passes[0]), time, float(passes[0] - 1)
    by_chip = torch.tensor(passes, dtype=torch.float64) / len(passes)
    return by_chip, time, by_chip - 1 / len(passes)
