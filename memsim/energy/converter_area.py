"""How many converters a tile has, and what area one takes: a card's own go before the technology's."""

from __future__ import annotations

import math

from memsim.card.chip_card import ChipCard
from memsim.card.sections import ReadSection
from memsim.converters.kinds import DAC
from memsim.energy.work import Matrix
from memsim.prices.technology import Technology


def adc_number(section: ReadSection, lines: int, technology: Technology) -> int:
    """ADCs for `lines` lines of a tile: as the card shares them, else as many as are done with all of them
    within its conversion time, one for each line where no rate is known.
    """
    if section.adc.columns_per_adc is not None:
        return section.adc.number(lines)
    if section.adc.rate is not None:
        return math.ceil(lines / max(math.floor(section.conversion_time * section.adc.rate), 1))
    design = technology.adc.get(technology.converter)
    return lines if design is None else design.count(lines, section.conversion_time)


def adc_area(section: ReadSection, card: ChipCard, technology: Technology) -> float | None:
    """Return the area of one ADC [m2]; None where no source gives it.

    An ADC of the card's own, by its energy or its area, has no other; an own price without an area has that
    of the technology's design, where this has one of as many bits.
    """
    adc, own = section.adc, card.own_prices.get(section.adc_event)
    if adc.price is not None:
        return technology.at_home(adc.price).area
    if own is not None and own.area is not None:
        return own.area
    design = technology.adc.get(technology.converter)
    bits = () if design is None else design.area
    if design is None or not bits or not min(bits) <= section.adc_bits <= max(bits):
        return None
    return technology.converter_price(section.adc_bits).area


def dac_number(matrix: Matrix, card: ChipCard) -> int:
    """DACs of a matrix: one for each row that carries numbers; passes of one-bit drives need none."""
    if matrix.spikes or DAC.get(card.weights.dac.kind).serial:
        return 0
    rows = matrix.rows + card.weights.bias_rows
    return rows * card.weights.tiles(rows, matrix.columns)[1]


def dac_area(card: ChipCard, technology: Technology) -> float | None:
    """Return the area of one DAC [m2]: of the card's own price, else the technology's; None where neither has
    one, and for a pulse width without an own price, which is not a capacitor array.
    """
    own = card.own_prices.get("dac-conversion")
    if own is not None or DAC.get(card.weights.dac.kind).timed or "dac-8b" not in technology.parts:
        return None if own is None else own.area
    return technology.dac_price(card.weights.dac_bits).area
