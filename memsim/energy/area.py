"""The area of a chip's arrays: counts of parts times their areas, as far as sources give them.

Every layer has tiles of its own.  A tile has cells (4 F on a side with a transistor, 2 F without), and as
many converters as digitise its lines within the card's conversion time: a fast one serves many columns.
Left out, for want of a source: row drivers, sample-and-holds, neurons, memory, control, wiring.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memsim.card.chip_card import ChipCard
from memsim.energy.work import Attention, Matrix, Work
from memsim.prices.parts import CELL_SIDE
from memsim.prices.technology import Technology


def areas(works: Sequence[Work], card: ChipCard) -> dict[str, float]:
    """Area [m2] by part: "weight cells", "attention cells", "ADC", "DAC"; absent where no source gives it."""
    technology = Technology.load(card.technology)
    found: dict[str, float] = {}
    for work in works:
        for part, number, area in _parts(work, card, technology):
            if area is not None:
                found[part] = found.get(part, 0.0) + number * area
    return found


def utilisation(works: Sequence[Work], card: ChipCard) -> dict[str, float]:
    """Share of its tiles' cells that a weight matrix and its references fill, by layer [1]."""
    section, found = card.weights, {}
    for work in works:
        if isinstance(work, Matrix):
            row_tiles, column_tiles = section.tiles(work.rows + section.bias_rows, work.columns)
            lines = section.coding.conversions(work.columns, column_tiles)
            whole = row_tiles * section.tile_rows * column_tiles * section.tile_columns
            found[work.name] = (work.rows + section.bias_rows) * lines / whole
    return found


def _parts(work: Work, card: ChipCard, technology: Technology) -> Iterator[tuple[str, float, float | None]]:
    """(part, number, area of one [m2])."""
    scheme = card.attention.scheme if isinstance(work, Attention) else "1T1R"
    wires = technology.wires
    cell = None if wires is None else (CELL_SIDE[scheme] * wires.width) ** 2
    converter = technology.adc[technology.converter]
    if isinstance(work, Matrix):
        section = card.weights
        rows = work.rows + section.bias_rows  # taken to be in every array
        row_tiles, column_tiles = section.tiles(rows, work.columns)
        coding = section.coding
        lines = coding.widest(work.columns, column_tiles)
        converters = converter.count(lines, section.conversion_time) * row_tiles * column_tiles
        made_rows, columns = card.weight_faults.with_spares(rows, work.columns, row_tiles, column_tiles)
        cells = coding.devices(made_rows, columns, column_tiles, section.devices_per_weight)
        yield "weight cells", cells, cell
        yield "ADC", converters, technology.converter_price(section.adc_bits).area
        dac = technology.dac_price(section.dac_bits)
        yield "DAC", 0 if work.spikes else rows * column_tiles, dac.area
    elif isinstance(work, Attention):
        section = card.attention
        rows, columns = card.attention_faults.with_spares(work.tokens, work.tokens)
        cells = 2 * section.devices_per_synapse * work.heads * rows * columns  # with references, or pairs
        yield "attention cells", cells, cell
        converters = work.heads * converter.count(work.tokens, section.conversion_time)
        yield "ADC", converters, technology.converter_price(section.adc_bits).area
