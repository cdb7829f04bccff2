"""Converters: what bits, kinds, errors, sharing and drives cost in accuracy, energy, latency and area.

One thing changed at a time around the card.  Errors are those of both sorts of array; sizes are spreads over
ADCs, as shares of full scale, and of a unit capacitor.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import memsim
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import one_change
from memsim.studies.reports.one_change import Change
from memsim.studies.running.task import Task

title = "The cost of converters"

ADC_BITS = (4, 5, 6, 7, 10)
ERRORS = (0.005, 0.02, 0.1)
MISMATCHES = (0.01, 0.05, 0.2)
"""Spreads of a unit capacitor; a few hundredths are common."""

SHARED = (1, 8, 32)
CURVATURE = 0.1
DACS = ("pulse-width", "bit-serial", "unary")
UNARY_BITS = 4


def changes(card: memsim.ChipCard) -> Iterator[Change]:
    """No rounding; bits, kinds, errors alone and calibrated, columns for each ADC, drives of numbers."""
    yield Change("ADC", "none", card.without("adc"))
    for bits in ADC_BITS:
        yield Change("ADC bits", bits, card.replace(weights={"adc_bits": bits}, attention={"adc_bits": bits}))
    yield Change("kind", "oscillator", _adc(card, kind="oscillator"))
    yield Change("kind", "oscillator, curved", _adc(card, kind="oscillator", curvature=CURVATURE))
    for size in ERRORS:
        for error in ("offset", "gain", "inl"):
            yield Change(f"{error}", size, _adc(card, **{error: size}))
    every = dict.fromkeys(("offset", "gain", "inl"), ERRORS[1])
    for how in ("none", "offset", "two-point"):
        yield Change(
            f"offset, gain and inl of {ERRORS[1]}, calibrated", how, _adc(card, **every, calibration=how)
        )
    for kind in ("uniform", "ramp"):
        yield Change(f"offset, gain and inl of {ERRORS[1]}, kind", kind, _adc(card, kind=kind, **every))
    for size in MISMATCHES:
        yield Change("capacitor mismatch of a SAR", size, _adc(card, kind="sar", capacitor_mismatch=size))
    for columns in SHARED:
        yield Change("columns for each ADC", columns, _adc(card, columns_per_adc=columns))
    for kind in DACS:
        fewer = {"dac_bits": UNARY_BITS} if kind == "unary" else {}
        said = f"{kind}, {UNARY_BITS} bits" if fewer else kind
        yield Change("numbers on rows", said, card.replace(weights={"dac": {"kind": kind}, **fewer}))


def _adc(card: memsim.ChipCard, **table: Any) -> memsim.ChipCard:
    """Return the card with ADCs of both sorts of array changed."""
    return card.replace(weights={"adc": table}, attention={"adc": table})


def tasks(setting: Setting) -> Iterator[Task]:
    """Return the card and each change on every block of chips."""
    return one_change.tasks("converters", setting, changes)


tables, figures, findings = one_change.tables, one_change.figures, one_change.findings
