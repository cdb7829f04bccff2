"""The ledger of a chip from counts of operations alone, for a network that was not executed.

The same events as `WeightArray` and `AttentionArray` count, as closed forms of the digital
counts.  Three things that only a run can show are taken as given (`Held`).  Every output passes one digital
multiply: its batch norm.  Pulses are taken at their price; half-selected cells and lines are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memsim.card.chip_card import ChipCard
from memsim.card.sections import ReadSection
from memsim.energy.baselines import operations
from memsim.energy.line import Line
from memsim.energy.moving import Bill
from memsim.energy.work import Attention, Matrix, Work
from memsim.prices.events import ARRAY_READ


@dataclass(frozen=True, kw_only=True)
class Held:
    """What the arrays of a run held, in the mean."""

    pulses: float  #: pulses for each cell of an attention array and write
    weight: float  #: conductance of a weight's devices together [S]
    attention: float  #: conductance of an attention cell's devices together [S]


def crossbar(works: Sequence[Work], card: ChipCard, held: Held) -> list[Line]:
    """Return the lines of a chip's ledger for one image, first programming not included."""
    bill = Bill(card, works)
    return [line for work in works for line in _lines(work, bill, held)]


def _lines(work: Work, bill: Bill, held: Held) -> Iterator[Line]:
    if isinstance(work, Matrix):
        yield from _weight_array(work, bill, held)
    elif isinstance(work, Attention):
        yield from _attention_arrays(work, bill, held)
    else:
        yield from operations(work, bill)


def _weight_array(work: Matrix, bill: Bill, held: Held) -> Iterator[Line]:
    name, section, vectors = work.name, bill.card.weights, work.positions * work.passes
    biases = vectors * section.bias_rows
    row_tiles, column_tiles = section.tiles(work.rows + section.bias_rows, work.columns)
    coding, columns, drives = section.coding, work.columns, work.drives + biases
    sensed = row_tiles * coding.conversions(columns, column_tiles)
    yield from bill.work(name, "row-drive", drives * column_tiles)
    yield from bill.work(name, "dac-conversion", 0 if work.spikes else (work.entered + biases) * column_tiles)
    yield from _converted(name, bill, vectors * sensed, section)
    additions = vectors * coding.additions(columns, row_tiles, column_tiles)
    weighed = 0 if work.spikes or not (coding.subtracts and coding.measures) else drives
    yield from bill.work(name, "digital-add", additions + (drives - weighed if coding.subtracts else 0))
    yield from bill.work(name, "digital-mac", vectors * (columns + coding.scalings(columns)) + weighed)
    yield from bill.work(name, "shift-add", vectors * coding.shifts(columns))
    inputs = work.inputs * work.passes * (1 if work.spikes else section.dac_bits)
    yield from bill.work(name, "bus-bit", inputs * column_tiles + vectors * sensed * section.adc_bits)
    yield from bill.work(name, "router-bit", inputs)
    adcs = row_tiles * sum(map(section.adc.number, coding.by_tile(columns, column_tiles)))
    yield from bill.work(name, "column-second", adcs * bill.time)
    siemens = drives * work.columns * held.weight
    yield _read(name, section.read_joule(siemens))


def _attention_arrays(work: Attention, bill: Bill, held: Held) -> Iterator[Line]:
    name, section, cell = work.name, bill.card.attention, bill.card.attention_cell
    kind, outputs = cell.technology.lower(), work.steps * work.heads * work.tokens * work.width
    yield from bill.work(name, "digital-add", work.q + work.k + work.v + outputs)
    yield from bill.work(name, "digital-compare", 2 * work.pairs / work.tokens)
    yield from bill.work(name, f"reset-{kind}", work.pairs * (2 if cell.one_sided else 1))
    yield from bill.work(name, f"pulse-{kind}", work.pairs * held.pulses)
    yield from bill.work(name, "row-drive", work.v)
    yield from _converted(name, bill, outputs, section)
    yield from bill.carry(name, 3 * outputs, outputs * section.adc_bits)
    yield from bill.work(name, "column-second", work.heads * section.adc.number(work.tokens) * bill.time)
    siemens = work.v * work.tokens * held.attention
    yield _read(name, section.read_joule(siemens))


def _converted(name: str, bill: Bill, number: float, section: ReadSection) -> Iterator[Line]:
    """Yield results held and digitised."""
    yield from bill.work(name, section.adc_event, number)
    yield from bill.work(name, "sample-hold", number)


def _read(name: str, joule: float) -> Line:
    source = "V^2 G t at the mean conductance given"
    return Line.of(name, ARRAY_READ, 1.0, joule, source)
