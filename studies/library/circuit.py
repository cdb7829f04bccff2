"""Circuit: what each effect of the circuit around the devices changes, after a second, a day and a year.

Each effect that the card has switched off, and all of them; each that it has not, switched on at a strength
that is named.  The same chips throughout.
"""

from __future__ import annotations

from collections.abc import Iterator

import memsim
from memsim.card.fields import ARRAY_EFFECTS
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import one_change
from memsim.studies.reports.one_change import Change
from memsim.studies.running.task import Task

title = "What the circuit around the devices changes"

TIMES = (1.0, 86400.0, 365 * 86400.0)

CONVERSION = ("dac", "adc", "pulse-rounding", "weight-rounding")
"""Rounding: as old as the arrays, and a matter of the study converters."""

ADDED: dict[str, dict[str, dict]] = {}
"""What a card may be given: name -> the fields that are replaced."""


def changes(card: memsim.ChipCard) -> Iterator[Change]:
    """Each effect off, all off; each other effect on."""
    on = [e for e in card.effects if e in ARRAY_EFFECTS and e not in CONVERSION and card.on(e)]
    for effect in on:
        yield Change("without", effect, card.without(effect))
    if len(on) > 1:
        yield Change("without", "all of these", card.without(*on))
    for name, fields in ADDED.items():
        yield Change("with", name, card.replace(**fields))


def tasks(setting: Setting) -> Iterator[Task]:
    """The card and each change at every time, on every block of chips."""
    return one_change.tasks("circuit", setting, changes, TIMES)


tables, figures, findings = one_change.tables, one_change.figures, one_change.findings
