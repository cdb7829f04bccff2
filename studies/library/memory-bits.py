"""Memory bits: accuracy against the resolution and the noise with which the lines of a memory are written.

Only lines are on arrays; weights stay digital, and networks are not trained for it.  One effect is varied at
a time: numbers rounded to a few bits; noise in proportion to the range at each write; the cell of the card.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.figure import Figure

import memsim
from memsim.card.fields import ARRAY_EFFECTS
from memsim.studies.evaluation import sequences
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "The precision that lines of a memory need"

MIXERS = ("softmax", "forgetting", "stick-breaking", "mosaics")
BITS, NOISE = (5, 4, 3, 2), (0.02, 0.05, 0.1, 0.2)
EXACT, ROUNDED, NOISY, CELL = "exact", "bits", "write noise [1]", "the card's cell"
KEPT = 0.95  #: accuracy from which a case counts as good
RATE = 1e3  #: tokens per second

NOTE = (
    "Write noise is the standard deviation of a stored number (the difference of a pair) at each write, "
    f"relative to the largest number of its head. {draw.NOTE}"
)

prepare, measure = sequences.prepare, sequences.measure


def methods(setting: Setting) -> str:
    """Return a paragraph on the methods."""
    return (
        f"{sequences.ABOUT} They learn last write wins: six keys, three of them overwritten, 32 tokens. "
        "Only lines are on arrays, with rounding or write noise alone and exact converters. "
        f"{sequences.UNWIRED}"
    )


def noisy(card: memsim.ChipCard, share: float) -> memsim.ChipCard:
    """Return the card with a cell whose only effect is write noise.

    share: standard deviation of the difference of a pair, divided by its range [1].
    """
    low, high = 8e-6, 25e-6  # far from 0, where errors would be clipped
    cell = {
        "name": f"errs-by-{share:g}", "technology": card.weight_cell.technology,
        "source": "made for this study",
        "weight": {
            "g_max [S]": high, "g_min [S]": low, "programming [S]": [share * (high - low) / math.sqrt(2)]
        },
    }  # fmt: skip
    return quiet(card.replace(weights={"cell": cell, "g_max": None, "devices_per_weight": 1}), "programming")


def quiet(card: memsim.ChipCard, *kept: str) -> memsim.ChipCard:
    """Return the card without effects of arrays, except those in `kept`."""
    return card.without(*(name for name in card.effects if name in ARRAY_EFFECTS and name not in kept))


def cases(card: memsim.ChipCard) -> Iterator[tuple[str, float, memsim.ChipCard, dict[str, Any]]]:
    """Yield what is varied, its level, the card and the options of lines."""
    ideal = quiet(card.replace(weights={"cell": "ideal", "g_max": None}))
    yield EXACT, 0.0, ideal, {}
    for bits in BITS:
        yield ROUNDED, float(bits), ideal, {"bits": bits}
    for share in NOISE:
        yield NOISY, share, noisy(card, share), {}
    yield CELL, 0.0, card, {}


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield tasks for every mixer and case, on each block of chips."""
    card = sequences.card_of(setting, "memory-bits")
    for chips in blocks(setting.chips):
        for mixer in MIXERS:
            form = sequences.network(mixer, "last-write-wins", 1000, setting.seed)
            for varied, level, changed, options in cases(card):
                shared = sequences.on_lines(setting, chips, form, card=changed)
                shared |= {
                    "varied": [varied, level]
                }  # tasks with equal cards must differ in their shared values
                labels = {"mixer": mixer, "varied": varied, "level": level}
                own = {"rate [1/s]": RATE, **options}
                yield Task(study="memory-bits", labels=labels, shared=shared, own=own)


def by_case(points: Sequence[Point]) -> dict[tuple[str, float], dict[str, Point]]:
    """Return points by case, in the order of the study, then by mixer."""
    order, out = [EXACT, ROUNDED, NOISY, CELL], dict[tuple[str, float], dict[str, Point]]()
    for point in sorted(points, key=lambda p: (order.index(p.labels["varied"]), p.labels["level"])):
        out.setdefault((point.labels["varied"], point.labels["level"]), {})[point.labels["mixer"]] = point
    return out


def said(varied: str, level: float) -> str:
    """Return the name of a case in tables."""
    return {ROUNDED: f"{level:.0f} bits", NOISY: f"write noise {100 * level:g} %"}.get(varied, varied)


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return tables of accuracy and cross-entropy by case and mixer."""
    out, there = {}, [m for m in MIXERS if any(p.labels["mixer"] == m for p in points)]
    if not points:
        return {}
    for file, column in {"accuracy": "accuracy [1]", "cross-entropy": "cross-entropy [nat]"}.items():
        rows = [
            [said(*case), *(draw.cell(of[m].estimate(column), column) if m in of else "" for m in there)]
            for case, of in by_case(points).items()
        ]
        title = f"{draw.heading(column)} by the precision of lines"
        out[file] = Table(title=title, header=["lines", *there], rows=rows, note=NOTE)
    return out


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return a figure of all cases for each mixer."""
    out = {}
    for mixer in MIXERS:
        shown = {said(*case): of[mixer] for case, of in by_case(points).items() if mixer in of}
        if shown:
            out[mixer] = draw.forest(
                shown, caption=f"{mixer.capitalize()}: means over chips with 95 % intervals."
            )
    return out


def findings(points: Sequence[Point]) -> list[str]:
    """Return a sentence for each case on the mixers that reach an accuracy of 95 %."""
    column, out = "accuracy [1]", []
    for case, of in by_case(points).items():
        kept = [m for m, p in of.items() if p.estimate(column).mean >= KEPT]
        names = ", ".join(kept) or "none"
        share = f"{100 * KEPT:.0f} %"
        out.append(f"Lines, {said(*case)}: mixers with at least {share} correct answers: {names}.")
    return out
