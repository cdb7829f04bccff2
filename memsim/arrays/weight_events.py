"""Events of one read of a weight array, as they enter the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from memsim.arrays.ranges import Drives
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
    array: Tiled, reading: Reading, sorts: Sequence[tuple[Drives | None, Any]], clipped: int
) -> None:
    """Enter the events of one read: drives, conversions, digital adds, the actual sum of V^2 G t; and its
    time: one vector after the other, all tiles, groups and columns at once.

    sorts: what drove the rows of which chips, and how they were read; clipped: values that a DAC clipped.
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
    for drives, _ in sorts:
        if reading.others if drives is None else not drives.spikes:
            chips = drives and drives.chips
            some = len(chips) / len(run.chips) if chips else 1.0
            events.append((name, "dac-conversion", vectors * array.rows * some))
            notes.append((name, "clipped inputs", clipped))
    if not run.card.ideal:
        events.append((name, f"adc-{card.adc_bits}b", vectors * array.conversions))
        notes.append((name, "clipped conversions", reading.clips))
    events.append((name, "digital-add", vectors * array.additions))
    if array.subtracts:  # the sum of the drives, times what a weight of 0 carries
        events += [(name, "digital-add", driven), (name, "digital-mac", vectors)]
    time = vectors / groups * array.cycle_time
    run.ledger.enter(events, [(name, ARRAY_READ, siemens * array.read_energy)], notes, [(name, time)])
