"""Checks an ADC of a card against that of its technology: a factor of 10,000 is taken for a wrong prefix."""

from __future__ import annotations

from memsim.card.sections import ReadSection
from memsim.prices.price import FACTOR, Price
from memsim.prices.technology import Technology


def check_own_adc(name: str, section: ReadSection, home: Technology) -> None:
    """Raise ValueError for an energy, area, rate or power of an ADC of the card's own that is more than
    `FACTOR` away from the technology's, of as many bits, at the same node; name: of the section.

    The rate is held against the technology's and one in conversion_time; 0 stands for no cost.  A technology
    without ADCs says nothing of energy and area.
    """
    adc, design = section.adc, home.adc.get(home.converter)
    if adc.price is not None:
        here = home.at_home(adc.price)  # refuses what cannot be scaled
        if design is not None:
            here.check_against(f"{name}.adc", usual(home, section.adc_bits))
    one = 1.0 / max(section.conversion_time, 1e-12)
    rates = (one, design.rate if design is not None and design.rate else one)
    power = type(adc).model_fields["hold_power"].default
    for value, usually, key in (
        (adc.rate, rates, "rate [1/s]"),
        (adc.hold_power, (power,), "hold_power [W]"),
    ):
        low, high = min(usually) / FACTOR, max(usually) * FACTOR
        if value and not low <= value <= high:
            raise ValueError(
                f"{name}.adc.{key} = {value:g}: {low:.1e} to {high:.1e} is allowed; was a prefix missed?"
            )


def usual(home: Technology, bits: int) -> Price:
    """Return a conversion by the technology's ADC of `bits` bits; beyond its table twice as much a bit
    more.
    """
    table = home.adc[home.converter].energy
    near = min(max(bits, min(table)), max(table))
    price, factor = home.converter_price(near), 2.0 ** (bits - near)
    area = None if price.area is None else price.area * factor
    return price.model_copy(update={"energy": price.energy * factor, "area": area})
