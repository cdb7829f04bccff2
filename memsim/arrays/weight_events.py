"""Events of one read of a weight array, as they enter the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from memsim.arrays.ranges import Drives
from memsim.arrays.reading.unrolling import Unrolling
from memsim.arrays.reading.weight_read import Reading
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
    cycle_time: float


def count_read(
    array: Tiled,
    reading: Reading,
    sorts: Sequence[tuple[Drives | None, Any]],
    clipped: int,
    inputs: int,
    unrolling: Unrolling | None,
) -> None:
    """Enter the events of one read: drives, conversions, digital adds, what is moved, the actual sum of
    V^2 G t; and its time: one vector after the other, all tiles, groups and columns at once.

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
    for drives, _ in sorts:
        chips = drives and drives.chips
        some = len(chips) / len(run.chips) if chips else 1.0
        numbers = reading.others if drives is None else not drives.spikes
        bits += inputs * some * (card.dac_bits if numbers else 1)
        if numbers:  # a border holds no value: its rows are not converted
            entered = vectors * array.rows * some * (1.0 if unrolling is None else unrolling.inside)
            events.append((name, "dac-conversion", entered * array.column_tiles))
            notes.append((name, "clipped inputs", clipped))
    events.append((name, "router-bit", bits))
    if not run.card.ideal:
        conversions = vectors * array.conversions
        events += [(name, f"adc-{card.adc_bits}b", conversions), (name, "sample-hold", conversions)]
        notes.append((name, "clipped conversions", reading.clips))
        events.append((name, "bus-bit", bits * array.column_tiles + conversions * card.adc_bits))
        run.ledger.page.columns[name] = array.conversions * groups
    events.append((name, "digital-add", vectors * array.additions))
    if array.subtracts:  # the sum of the drives, times what a weight of 0 carries
        events += [(name, "digital-add", driven), (name, "digital-mac", vectors)]
    time = vectors / groups * array.cycle_time
    run.ledger.enter(events, [(name, ARRAY_READ, siemens * array.read_energy)], notes, [(name, time)])
