"""Events of one read of a weight array, as they enter the ledger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from memsim.arrays.ranges import Drives
from memsim.arrays.reading.unrolling import Unrolling
from memsim.arrays.reading.weight_read import Reading
from memsim.converters.dac import Dac
from memsim.energy.ledger import Entry
from memsim.prices.events import ARRAY_READ
from memsim.run import Run


class Tiled(Protocol):
    """What counting asks of an array."""

    name: str
    run: Run
    groups: int
    rows: int
    columns: int
    tiles: int
    column_tiles: int
    conversions: int
    additions: int
    subtracts: bool
    read_energy: float
    dac: Dac


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
    run, name = array.run, array.name
    card, groups = run.card.weights, array.groups
    outputs = reading.numbers.numel()
    vectors = outputs // array.columns
    driven, siemens = reading.driven, reading.siemens
    if groups > 1:
        driven, siemens = (n.unflatten(0, (-1, groups)).sum(1) for n in (driven, siemens))  # (S, T)
    events: list[Entry] = [(name, "row-drive", driven * array.column_tiles)]
    notes: list[Entry] = []
    bits = 0.0
    passes, seconds = _of_one_vector(array, sorts)
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
    joules: list[Entry] = [(name, ARRAY_READ, siemens * array.read_energy)]
    if not run.card.ideal:
        converted = _by_chip(passes, vectors * array.conversions)
        events += [(name, card.adc_event, converted), (name, "sample-hold", converted)]
        events += [(name, event, converted) for event in card.adc.corrections]
        notes.append((name, "clipped conversions", reading.clips))
        moved = bits * array.column_tiles + float(torch.as_tensor(converted).sum()) * card.adc_bits
        events.append((name, "bus-bit", moved))
        shared = card.adc.columns_per_adc or 1
        run.ledger.page.columns[name] = math.ceil(array.conversions * groups / shared)
        held = card.adc.held(lines_of_tile(array), card.conversion_time) * array.tiles * array.column_tiles
        if held:
            joules.append((name, "column-hold", _by_chip(passes, vectors) * held))
    added = [array.additions + (n - 1) * array.conversions for n in passes]  # a pass to those before it
    events.append((name, "digital-add", _by_chip(added, vectors)))
    if array.subtracts:  # the sum of the drives, times what a weight of 0 carries
        events += [(name, "digital-add", driven), (name, "digital-mac", vectors)]
    time = vectors / groups * (seconds[0] if len({*seconds}) == 1 else sum(seconds) / len(seconds))
    run.ledger.enter(events, joules, notes, [(name, time)])


def lines_of_tile(array: Tiled) -> int:
    """Lines of the widest tile."""
    return array.run.card.weights.coding.widest(array.columns, array.column_tiles)


def _of_one_vector(array: Tiled, sorts: Sequence[tuple[Drives | None, Any]]) -> tuple[list[int], list[float]]:
    """Passes and time [s] of one vector on every chip."""
    card, dac = array.run.card.weights, array.dac
    whole = range(len(array.run.chips))
    cycle = card.cycle_time(lines_of_tile(array))
    passes, seconds = [1 for _ in whole], [cycle for _ in whole]
    for drives, _ in sorts if dac.serial or dac.timed else ():
        if drives is not None and not drives.spikes:
            for chip, levels in zip(drives.chips or whole, drives.levels(dac), strict=True):
                passes[chip] = dac.by.passes(levels)
                length = levels * dac.unit_pulse if dac.timed else card.read_time
                seconds[chip] = passes[chip] * (cycle - card.read_time + length)
    return passes, seconds


def _by_chip(factors: Sequence[int], number: float) -> float | Tensor:
    """A number over all chips, times a factor of each: one number where it is the same."""
    if len({*factors}) == 1:
        return number * factors[0]
    return torch.tensor(factors, dtype=torch.float64) * (number / len(factors))
