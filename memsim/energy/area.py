"""The area of a chip's arrays: counts of parts times their areas, as far as sources give them.

Every layer has tiles of its own.  A tile has cells (4 F on a side with a transistor, 2 F without), and as
many converters as the card says, else as digitise its lines within its conversion time.
Left out, because no source was found: row drivers, sample-and-holds, neurons, memory, control, wiring.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from memsim.card.chip_card import ChipCard
from memsim.energy.converter_area import adc_area, adc_number, dac_area, dac_number
from memsim.energy.work import Attention, Matrix, Rewritten, Work
from memsim.prices.parts import CELL_SIDE
from memsim.prices.technology import Technology

UNKNOWN = "unknown"
"""An area that no source gives."""


def areas(works: Sequence[Work | Rewritten], card: ChipCard) -> dict[str, float | str]:
    """Return the area [m2] by part: "weight cells", "attention cells", "ADC", "DAC"; "unknown" where no
    source gives that of every layer's.
    """
    technology = Technology.load(card.technology)
    found: dict[str, float | str] = {}
    for work in works:
        for part, number, area in _parts(work, card, technology):
            before = found.get(part, 0.0)
            if isinstance(before, str) or (area is None and number):
                found[part] = UNKNOWN
            else:
                found[part] = before + number * (area or 0.0)
    return found


def known(parts: Mapping[str, float | str]) -> tuple[float, list[str]]:
    """Return the sum of the areas that are known [m2], and the parts whose area is not."""
    numbers = [area for area in parts.values() if not isinstance(area, str)]
    return sum(numbers), [part for part, area in parts.items() if isinstance(area, str)]


def utilisation(works: Sequence[Work], card: ChipCard) -> dict[str, float]:
    """Return the share of its tiles' cells that a weight matrix and its references fill, by layer [1]."""
    section, found = card.weights, {}
    for work in works:
        if isinstance(work, Matrix):
            row_tiles, column_tiles = section.tiles(work.rows + section.bias_rows, work.columns)
            lines = section.coding.conversions(work.columns, column_tiles)
            whole = row_tiles * section.tile_rows * column_tiles * section.tile_columns
            found[work.name] = (work.rows + section.bias_rows) * lines / whole
    return found


def _parts(
    work: Work | Rewritten, card: ChipCard, technology: Technology
) -> Iterator[tuple[str, float, float | None]]:
    """(part, number, area of one [m2])."""
    scheme = "1T1R" if isinstance(work, Matrix) else card.attention.scheme
    wires = technology.wires
    cell = None if wires is None else (CELL_SIDE[scheme] * wires.width) ** 2
    if isinstance(work, Matrix):
        section = card.weights
        rows = work.rows + section.bias_rows  # taken to be in every array
        row_tiles, column_tiles = section.tiles(rows, work.columns)
        coding = section.coding
        lines = coding.by_tile(work.columns, column_tiles)
        converters = row_tiles * sum(adc_number(section, number, technology) for number in lines)
        made_rows, columns = card.weight_faults.with_spares(rows, work.columns, row_tiles, column_tiles)
        cells = coding.devices(made_rows, columns, column_tiles, section.devices_per_weight)
        yield "weight cells", cells, cell
        yield "ADC", converters, adc_area(section, card, technology)
        yield "DAC", dac_number(work, card), dac_area(card, technology)
    elif isinstance(work, Attention | Rewritten):
        section = card.attention
        lines = (work.rows, work.columns) if isinstance(work, Rewritten) else (work.tokens, work.tokens)
        rows, columns = card.attention_faults.with_spares(*lines)
        cells = 2 * section.devices_per_synapse * work.heads * rows * columns  # with references, or pairs
        yield "attention cells", cells, cell
        converters = work.heads * adc_number(section, lines[0], technology)
        yield "ADC", converters, adc_area(section, card, technology)
