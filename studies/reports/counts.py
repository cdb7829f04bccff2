"""How a layer's counts come about: the product of the sizes that give a number of its ledger.

A product is shown only where it gives the ledger's number; what depends on the spikes of a run, or on sizes
that are not told here, is said to have been counted in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import memsim
from memsim.energy.line import Line
from memsim.energy.work import Attention, Matrix, Neurons, Other, Work
from memsim.prices.events import ARRAY_READ, COLUMN_SECOND
from memsim.studies.reports.quantities import count, quantity

COUNTED = "counted in this run, a mean over images and chips"
"""Of numbers that depend on the spikes."""


class Factor(NamedTuple):
    """A size, and what it is a number of."""

    number: float
    words: str  #: in the plural

    def __str__(self) -> str:
        return f"{count(self.number)} {self.words.removesuffix('s') if self.number == 1 else self.words}"


class Formula(NamedTuple):
    """Sizes whose product is a number of events; more is added to it."""

    factors: tuple[Factor, ...]
    more: float = 0.0
    added: str = ""

    @property
    def number(self) -> float:
        """What it comes to."""
        return math.prod(factor.number for factor in self.factors) + self.more

    def __str__(self) -> str:
        return " x ".join(map(str, self.factors)) + self.added


def how(line: Line, work: Work | None, chip: memsim.Chip) -> str:
    """Return where the number of a ledger's line comes from, in words."""
    if line.event == COLUMN_SECOND:
        columns = chip.ledger.page.columns[line.layer]
        return f"{columns:,} converters x {quantity(chip.ledger.latency, 's')} of an image"
    if line.event == ARRAY_READ or line.event.startswith("pulse-"):
        return physics(line, work, chip)
    for formula in formulas(line.event, work, chip):
        if math.isclose(formula.number, line.number, rel_tol=1e-9):
            return str(formula)
    return COUNTED


def physics(line: Line, work: Work | None, chip: memsim.Chip) -> str:
    """Voltage, time and the sum of the conductances that a line's joules are of."""
    card = chip.card
    if line.event == ARRAY_READ:
        section = card.attention if line.layer in chip.attention_arrays else card.weights
        volt, time = section.read_voltage, section.read_time
        return _driven(line.energy, volt, time)
    volt, time = card.pulse_drive
    words = COUNTED
    if isinstance(work, Attention):
        words = f"{count(work.pairs)} pairs of tokens x {line.number / work.pairs:.3g} pulses in the mean"
    return words if volt is None else f"{words}; {_driven(line.energy, volt, time)}"


def _driven(joule: float, volt: float, time: float) -> str:
    siemens = joule / (volt**2 * time)
    return f"V {quantity(volt, 'V')}, t {quantity(time, 's')}, sum of G {quantity(siemens, 'S')}"


def formulas(event: str, work: Work | None, chip: memsim.Chip) -> Iterator[Formula]:
    """Yield candidates for an event's number of a layer."""
    if isinstance(work, Matrix) and work.name in chip.weight_arrays:
        yield from _of_matrix(event, work, chip)
    elif isinstance(work, Attention):
        yield from _of_attention(event, work, chip)
    elif isinstance(work, Neurons) and event == "neuron-step":
        yield Formula((Factor(work.number, "neurons"), Factor(work.steps, "steps")))
    elif isinstance(work, Other):
        yield Formula((Factor(work.number, "values, the same for every image"),))


def _of_matrix(event: str, work: Matrix, chip: memsim.Chip) -> Iterator[Formula]:
    array, card = chip.weight_arrays[work.name], chip.card.weights
    reads = (Factor(work.positions, "positions"), Factor(work.passes, "steps"))
    tiles = Factor(array.column_tiles, "column tiles")
    lines = Factor(array.conversions * array.groups / array.tiles, "columns")
    converted = (lines, Factor(array.tiles, "row tiles"), *reads)
    bits = Factor(1 if work.spikes else card.dac_bits, "bits")
    moved = (Factor(work.inputs, "inputs"), Factor(work.passes, "steps"), bits)
    if event == card.adc_event or event in ("sample-hold", *card.adc.corrections):
        yield Formula(converted)
    elif event == "dac-conversion":
        yield Formula((Factor(array.rows, "rows"), *reads, tiles))
        yield Formula((Factor(work.entered, "values on rows"), tiles))
    elif event == "row-drive":
        yield Formula((Factor(array.rows, "rows"), *reads, tiles))
        yield Formula((Factor(work.drives, "rows driven in all steps"), tiles))
    elif event == "router-bit":
        yield Formula(moved)
    elif event == "bus-bit":
        more = math.prod(f.number for f in converted) * card.adc_bits
        yield Formula((*moved, tiles), more, f" + {card.adc_bits} bits a conversion")
    elif event == "digital-add":
        sums, outputs = array.counting.additions, array.columns * array.groups
        yield Formula((Factor(sums, "sums of tiles"), *reads))
        yield Formula((Factor(outputs, "biases"), *reads))
        yield Formula((Factor(sums + outputs, "sums of tiles and biases"), *reads))


def _of_attention(event: str, work: Attention, chip: memsim.Chip) -> Iterator[Formula]:
    card = chip.card.attention
    heads, steps = Factor(work.heads, "heads"), Factor(work.steps, "steps")
    tokens, width = Factor(work.tokens, "tokens"), Factor(work.width, "features")
    converted = (Factor(work.tokens, "word lines"), width, heads, steps)
    spikes = (Factor(3, "(Q, K, V)"), tokens, width, heads, steps)
    if event.startswith("reset-"):
        pair = (Factor(work.tokens, "rows"), Factor(work.tokens, "columns"), heads, steps)
        yield Formula(pair)
        for devices in (2, card.devices_per_synapse, 2 * card.devices_per_synapse):
            yield Formula((*pair, Factor(devices, "devices")))
    elif event == "digital-compare":
        yield Formula((Factor(2, "(Q, K)"), tokens, heads, steps))
    elif event == "router-bit":
        yield Formula(spikes)
    elif event == "bus-bit":
        more = math.prod(f.number for f in converted) * card.adc_bits
        yield Formula(spikes, more, f" + {card.adc_bits} bits a conversion")
    elif event == card.adc_event or event in ("sample-hold", *card.adc.corrections):
        yield Formula(converted)
