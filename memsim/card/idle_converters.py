"""Settings of converters that would have no effect beside the others."""

from __future__ import annotations

from collections.abc import Iterator

from memsim.card.converters import AdcSection
from memsim.card.fields import CardFields
from memsim.card.idle_setting import Idle
from memsim.card.sections import ReadSection
from memsim.converters.kinds import ADC, DAC

ERRORS = {"offset": "offset", "gain": "gain", "inl": "inl", "mismatch": "capacitor_mismatch",
          "curvature": "curvature"}  # fmt: skip
"""Errors of an ADC -> their fields."""


def idle_converters(card: CardFields) -> Iterator[Idle]:
    """Find the settings of ADCs and DACs that differ from their defaults and change nothing."""
    for section in (card.weights, card.attention):
        if section.cell != "ideal" or card.weights.cell != card.attention.cell:
            yield from _adc(section)
    dac = card.weights.dac
    if not DAC.get(dac.kind).timed and dac.unit_pulse != type(dac)().unit_pulse:
        why = f'it belongs to kind = "pulse-width", not to "{dac.kind}"'
        yield Idle("weights.dac", "unit_pulse [s]", why)
    if DAC.get(dac.kind).serial and "dac-conversion" in card.own_prices:
        yield Idle("prices", "dac-conversion", f'weights.dac.kind = "{dac.kind}" has row drives alone')


def _adc(section: ReadSection) -> Iterator[Idle]:
    adc, usual, table = section.adc, AdcSection(), f"{section.arrays}.adc"
    takes = ADC.get(adc.kind).takes
    for error, field in ERRORS.items():
        if error not in takes and getattr(adc, field):
            having = ", ".join(name for name in ADC.names() if error in ADC.get(name).takes)
            yield Idle(table, field, f'an ADC of kind "{adc.kind}" has none; kinds that have: {having}')
    errs = any(getattr(adc, ERRORS[error]) for error in takes)
    if adc.calibration != usual.calibration and not errs:
        yield Idle(table, "calibration", "these ADCs have no errors to calibrate")
    if adc.hold_power != usual.hold_power and (adc.columns_per_adc or 1) == 1:
        yield Idle(table, "hold_power [W]", "no column waits for an ADC; set columns_per_adc")
    if adc.source is not None and (adc.energy, adc.area, adc.rate) == (None, None, None):
        yield Idle(table, "source", "there is nothing of its own that it could be the source of")
    if adc.node is not None and adc.price is None:
        yield Idle(table, "node", "no energy or area of its own is of that node")
    alone = type(section)().conversion_time
    if adc.rate is not None and adc.columns_per_adc is not None and section.conversion_time != alone:
        yield Idle(section.arrays, "conversion_time [s]", f"{table} has a rate of its own")
