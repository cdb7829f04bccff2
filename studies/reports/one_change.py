"""Studies that change one thing of a card at a time: their tasks, tables, figures and sentences.

    changes(card) yields Change("tile side", 64, card.replace(...)), ...

A study of this kind is a title, its changes, and what they are compared with: the unchanged card.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from matplotlib.figure import Figure

import memsim
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.identity import digest
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import duration
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

CARD = "the card"


class Change(NamedTuple):
    """A card that differs from the study's in one thing."""

    axis: str  #: what is changed
    value: Any  #: to what: a number or a word
    card: memsim.ChipCard


Changes = Callable[[memsim.ChipCard], Iterable[Change]]


def tasks(study: str, setting: Setting, changes: Changes, times: Sequence[float] = ()) -> Iterator[Task]:
    """Yield the card, then each change, on every block of chips; of equal cards the first.

    times: since programming [s], instead of the setting's.
    """
    card = memsim.ChipCard.parse(dict(setting.card))
    seen = set()
    for axis, value, changed in (Change(CARD, "", card), *changes(card)):
        key = digest(dump(changed))
        if key in seen:
            continue
        seen.add(key)
        for chips in blocks(setting.chips):
            shared = crossbars(setting, chips, card=changed)
            for time in times or (setting.time,):
                labels = {"axis": axis, "value": value} | ({"time [s]": time} if times else {})
                yield Task(study=study, labels=labels, shared=shared, own={"time [s]": time})


class Axis(NamedTuple):
    """What was measured along one axis, at one time."""

    card: Point | None  #: the unchanged card
    found: dict[str, Point]  #: by value


def by_axis(points: Sequence[Point]) -> dict[str, Axis]:
    """Return points by axis (and time, where there are several) and value, in the order they were asked
    for.
    """
    cards = {p.labels.get("time [s]"): p for p in points if p.labels["axis"] == CARD}
    out: dict[str, Axis] = {}
    for point in points:
        axis, time = point.labels["axis"], point.labels.get("time [s]")
        if axis != CARD:
            name = axis if time is None else f"{axis}, {duration(time)} after programming"
            out.setdefault(name, Axis(cards.get(time), {})).found[_word(point.labels["value"])] = point
    return out


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return one table for each axis: the card first, measures, the change against it, energy and latency."""
    out = {}
    for axis, (card, found) in by_axis(points).items():
        shown = ({CARD: card} if card else {}) | found
        table = draw.lines(f"{axis[:1].upper()}{axis[1:]}", shown, reference=card)
        costs = {"energy": draw.energy, "latency": draw.latency}
        costs = {name: [of(point) for point in shown.values()] for name, of in costs.items()}
        costs = {name: column for name, column in costs.items() if any(column)}
        rows = [[*row, *more] for row, *more in zip(table.rows, *costs.values(), strict=True)]
        out[_file(axis)] = replace(table, header=[*table.header, *costs], rows=rows)
    return out


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return one figure for each axis."""
    return {
        _file(axis): draw.forest(
            ({CARD: card} if card else {}) | found,
            reference=card,
            caption=f"{axis[:1].upper()}{axis[1:]}; dotted: the card. Means over chips with 95 % intervals.",
        )
        for axis, (card, found) in by_axis(points).items()
    }


def findings(points: Sequence[Point]) -> list[str]:
    """Return for each axis the largest loss against the card, and which changes are significant."""
    if not points:
        return []
    main, said = draw.main_column(points), []
    for axis, (card, found) in by_axis(points).items():
        if card is None:
            continue
        changes = {name: point.against(card, main, of=len(found)) for name, point in found.items()}
        there = {name: one for name, one in changes.items() if one is not None}
        if not there:
            continue
        ranked = sorted(there, key=lambda name: there[name].mean)
        worst = there[ranked[0]]
        words = (
            f"{axis[:1].upper()}{axis[1:]}: the largest loss of {draw.said(main)} is that of {ranked[0]}, "
        )
        if worst.mean >= 0:
            words = (
                f"{axis[:1].upper()}{axis[1:]}: none is worse than the card; the smallest gain is that of "
            )
            words += f"{ranked[0]}, "
        words += draw.change(worst, main, "points")
        lost = [name for name in there if there[name].high < 0]
        worse = "significantly worse than the card"
        words += f"; {worse}: {', '.join(lost)}" if lost else f"; none is {worse}"
        gains = [name for name in there if there[name].low > 0]
        words += f"; significantly better: {', '.join(gains)}" if gains else ""
        picked = f" (95 %, corrected for {len(there)} comparisons)" if len(there) > 1 else " (95 %)"
        said.append(f"{words}{picked}.")
    return said


def _file(axis: str) -> str:
    """Return an axis as the name of a file, its unit left out."""
    return re.sub(r"\W+", "-", re.sub(r" \[[^]]*\]", "", axis))


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
