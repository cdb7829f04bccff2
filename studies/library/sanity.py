"""Sanity: each effect alone on an otherwise ideal chip, from nothing to absurd.

Accuracy must not rise along any scale beyond its interval, and an effect of size nothing must give the very
numbers of a chip without it.  What an effect grows with is `memsim.studies.evaluation.effect_scales`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from matplotlib.figure import Figure

import memsim
from memsim import CardError
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.effect_scales import SCALES, Scale
from memsim.studies.evaluation.identity import digest
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.reports import draw
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "Each effect alone, from size zero to absurdly large"

SIZES = ("off", "nothing", "small", "large", "absurd")
"""Off: the same card without any effect; then the levels of a scale, the last of them absurdly large."""

OFF, NOTHING, *STEPS = SIZES
NOTE = (
    "Each entry has the level and the measure. Off: the same card without any effect. “As off”: whether "
    "chips with the effect at size zero give exactly the numbers of chips without it; fields of effects "
    "that round "
    "have no such level. " + draw.NOTE
)


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield the card without any effect, and each level of every scale that card and network can have."""
    from memsim.studies.evaluation.subject import Subject
    from memsim.written_attention import attention_layers

    writes = bool(attention_layers(Subject.of(setting).net))
    alike: dict[str, tuple[memsim.ChipCard, list[dict[str, Any]]]] = {}
    for scale, labels, changed in _variants(json.dumps(dict(setting.card))):
        if writes or not scale.of_attention:
            alike.setdefault(digest(dump(changed)), (changed, []))[1].append(labels)
    for changed, points in alike.values():
        for chips in blocks(setting.chips):
            shared = crossbars(setting, chips, card=changed)
            for labels in points:
                yield Task(study="sanity", labels=labels, shared=shared, own={"time [s]": setting.time})


@lru_cache(maxsize=2)
def _variants(text: str) -> list[tuple[Scale, dict[str, Any], memsim.ChipCard]]:
    """(scale, labels, card) of every level of every scale that a card can have, off first."""
    card, out = memsim.ChipCard.parse(json.loads(text)), []
    for scale in SCALES:
        levels = [level for level in scale.levels if level is not None]
        sizes = STEPS if len(levels) < len(scale.levels) else (NOTHING, *STEPS[1 - len(levels) :])
        try:
            found = [(OFF, "", scale.off(card))]
            found += zip(sizes, map(_word, levels), scale.cards(card), strict=True)
        except CardError:
            continue
        for size, level, changed in found:
            labels = {"effect": scale.effect, "grows with": scale.field}
            labels |= {"step": SIZES.index(size), "size": size, "level": level}
            out.append((scale, labels, changed))
    return out


def _word(level: Any) -> str:
    """Return a level as a table shows it."""
    if isinstance(level, bool):
        return "yes" if level else "no"
    return " + ".join(f"{bits} bits" for bits in level) if isinstance(level, tuple) else f"{level:g}"


def scales(points: Sequence[Point]) -> dict[str, dict[str, Point]]:
    """Return points by scale, then by size, the smallest first."""
    out: dict[str, dict[str, Point]] = {}
    for point in sorted(points, key=lambda point: point.labels["step"]):
        name = f"{point.labels['effect']}: {point.labels['grows with']}"
        out.setdefault(name, {})[point.labels["size"]] = point
    return dict(sorted(out.items()))


def as_off(found: dict[str, Point]) -> bool | None:
    """Return whether size nothing gave the very numbers of chips without the effect; None where it is not
    there.
    """
    if not {OFF, NOTHING} <= found.keys():
        return None
    off, nothing = found[OFF], found[NOTHING]
    return off.per_chip == nothing.per_chip and off.marks == nothing.marks


def rises(points: Sequence[Point]) -> list[str]:
    """Return the steps along which the main accuracy rises significantly (95 %, corrected for all steps)."""
    main, every = draw.main_column(points), scales(points)
    steps = [
        (name, after, before) for name, found in every.items() for before, after in pairwise(found.values())
    ]
    gains = [(name, after, after.against(before, main, of=len(steps))) for name, after, before in steps]
    return [
        f"{name} at {after.labels['level']}"
        for name, after, gain in gains
        if gain is not None and gain.low > 0
    ]


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Tabulate accuracy along every scale, then cross-entropy, which shows whether an effect acts at all."""
    if not points:
        return {}
    main, out = draw.main_column(points), dict[str, Table]()
    for file, column in {"accuracy": main, "cross-entropy": draw.entropy_column(points)}.items():
        rows = [_row(name, found, column) for name, found in scales(points).items()]
        header = ["effect", "grows with", OFF, *STEPS, "as off"]
        title = f"{draw.heading(column)}, each effect alone"
        out[file] = Table(title=title, header=header, rows=rows, note=NOTE)
    return out


def _row(name: str, found: dict[str, Point], column: str) -> list[str]:
    """Return the row of one scale: off, and the levels above zero."""
    cells = dict.fromkeys((OFF, *STEPS), "")
    for size, point in found.items():
        if size in cells:
            cells[size] = draw.cell(point.estimate(column), column)
            cells[size] = cells[size] if size == OFF else f"{point.labels['level']}: {cells[size]}"
    equal, (effect, field) = as_off(found), name.split(": ", 1)
    return [effect, field, *cells.values(), "" if equal is None else "yes" if equal else "no"]


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return every scale at each size."""
    out = {}
    for size in STEPS:
        shown = {name: found[size] for name, found in scales(points).items() if size in found}
        if shown:
            out[size] = draw.forest(
                shown,
                caption=f"Each effect alone at size “{size}”, by the changed field. Means over chips with "
                "95 % intervals.",
            )
    return out


def findings(points: Sequence[Point]) -> list[str]:
    """Return whether size zero changes nothing, where accuracy rises, and which effects never lower it."""
    if not points:
        return []
    main, every = draw.main_column(points), scales(points)
    equal = {name: as_off(found) for name, found in every.items()}
    unlike = [name for name, same in equal.items() if same is False]
    asked = sum(same is not None for same in equal.values())
    if unlike:
        said = [f"At size zero, chips differ from those without the effect in: {'; '.join(unlike)}."]
    else:
        of = f"{asked} of {asked} scales"
        said = [f"At size zero, chips give exactly the numbers of those without the effect in {of}."]
    up = rises(points)
    said.append(
        f"{draw.said(main).capitalize()} rises significantly along: {'; '.join(up)}."
        if up
        else f"{draw.said(main).capitalize()} rises significantly along none of {len(every)} scales."
    )
    held = []
    for name, found in every.items():
        lost = None
        if {OFF, STEPS[-1]} <= found.keys():
            lost = found[STEPS[-1]].against(found[OFF], main, of=len(every))
        if lost is not None and not lost.high < 0:
            held.append(name)
    if held:
        said.append(f"Not significantly lower even at the largest size: {'; '.join(held)}.")
    return said
