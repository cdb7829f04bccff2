"""Circuit: what each effect of the circuit around the devices changes, after a second, a day and a year.

Each effect that the card has switched off, and all of them; each that it has not, switched on at a strength
that is named.  The same chips throughout.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import memsim
from memsim import CardError
from memsim.card.fields import ARRAY_EFFECTS
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import one_change
from memsim.studies.reports.one_change import Change
from memsim.studies.running.task import Task

title = "The effect of the circuit around the devices"

TIMES = (1.0, 86400.0, 365 * 86400.0)

CONVERSION = ("dac", "adc", "pulse-rounding", "weight-rounding")
"""Rounding: a matter of the study converters."""

_OFFSET = {"adc": {"offset": 0.01}}
ADDED: dict[str, dict[str, Any]] = {
    "offsets of 1 % of full scale": {"weights": _OFFSET, "attention": _OFFSET},
    "1 % of weight devices stuck": {"weight_faults": {"stuck_on": 0.005, "stuck_off": 0.005}},
    "corrupt devices of the attention preset": {"attention_faults": {"corrupt_devices": True}},
}
"""What a card may be given: name -> the fields that are replaced."""


def changes(card: memsim.ChipCard) -> Iterator[Change]:
    """Yield each effect off, all off; each other effect on."""
    on = [e for e in card.effects if e in ARRAY_EFFECTS and e not in CONVERSION and card.on(e)]
    for effect in on:
        yield Change("without", effect, card.without(effect))
    if len(on) > 1:
        yield Change("without", "all of these", card.without(*on))
    for name, fields in ADDED.items():
        try:
            yield Change("with", name, card.replace(**fields))
        except CardError:  # cells of this card have none of it
            continue


def tasks(setting: Setting) -> Iterator[Task]:
    """Return the card and each change at every time, on every block of chips."""
    return one_change.tasks("circuit", setting, changes, TIMES)


tables, figures, findings = one_change.tables, one_change.figures, one_change.findings
