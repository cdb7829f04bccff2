"""Points of a study: rows of equal labels added up over chips, with intervals, and compared in pairs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from memsim.studies.evaluation.identity import point as key_of
from memsim.studies.evaluation.intervals import (
    LEVEL,
    Estimate,
    Span,
    corrected,
    over_both,
    over_chips,
    wilson,
)
from memsim.studies.evaluation.marks import DIGITAL, table
from memsim.studies.evaluation.result import is_number

SHARES = ("accuracy", "agreement", "mismatch")
"""Words in the names of columns that are shares, from 0 to 1."""

_ROUNDING = 1e-12  #: of a value: differences as small come from rounding alone


@final
@dataclass
class Point:
    """All that was measured at one place of a study.

    ``per_chip`` holds one value for each of ``chips``; ``total`` what the chips have in common (means over
    them, weighted by their number, where it is a number); ``series`` such means along another axis.
    """

    labels: dict[str, Any]
    chips: list[int] = field(default_factory=list)
    per_chip: dict[str, list[float]] = field(default_factory=dict)
    total: dict[str, Any] = field(default_factory=dict)
    series: dict[str, list[float]] = field(default_factory=dict)
    marks: dict[str, list[str]] = field(default_factory=dict)  #: by column, which images counted on each chip
    shared: dict[str, Any] = field(default_factory=dict)

    def estimate(self, column: str, *, of: int = 1) -> Estimate:
        """Return the mean over chips with its intervals; `of`: how many it was picked from as the best.

        Student's t over chips, which all see the same images; where it has nothing to go by (one chip, or no
        spread at all) and the column is a share, over images.  KeyError for no such column.
        """
        found, level = self.per_chip[column], corrected(of)
        counted = table(self.marks[column]) if column in self.marks else None
        task = None if counted is None else over_both(counted, share=True, level=level)
        if len(found) > 1 and max(found) > min(found):
            chips = over_chips(found, share=any(word in column for word in SHARES), level=level)
            return replace(chips, task=task)
        centre = mean(found)
        images = self.total.get("harder images" if column.startswith("harder ") else "images")
        if task is not None:
            here = task
        elif images and ("accuracy" in column or "agreement" in column):
            here = Span(*wilson(round(centre * images), images, level))
        else:
            here = Span(centre, centre) if len(found) > 1 else Span(-math.inf, math.inf)
        return Estimate(mean=centre, low=here.low, high=here.high, chips=len(found), halving=None, task=task)

    def against(self, reference: Point, column: str, *, of: int = 1) -> Estimate | None:
        """Return the mean difference to a reference over the chips both have, paired; None where they share
        none.

        Images are paired too, where both saw the same ones.  `of`: how many candidates this one was picked
        from as the best.  KeyError for a column that either lacks.
        """
        ours, theirs = (dict(zip(p.chips, p.per_chip[column], strict=True)) for p in (self, reference))
        both = [chip for chip in ours if chip in theirs]
        if not both:
            return None
        scale = max(map(abs, (*ours.values(), *theirs.values())), default=0.0)
        pairs = [_difference(ours[chip], theirs[chip]) for chip in both]
        mine, other = self._counted(column, both), reference._counted(column, both)
        same = self.shared.get("dataset") == reference.shared.get("dataset")
        apart = None
        if same and mine is not None and other is not None and mine.shape == other.shape:
            apart = mine - other
        return _paired(pairs, apart, scale, corrected(of))

    def loss(self, column: str) -> Estimate | None:
        """Return the mean difference of an accuracy to the digital run's; None where its answers are not
        kept.
        """
        counted, name = self._counted(column, self.chips), f"{column}{DIGITAL}"
        if counted is None or name not in self.total:
            return None
        apart = counted - table([self.total[name]])
        return _paired(apart.mean(1).tolist(), apart, 1.0, LEVEL)

    def _counted(self, column: str, chips: Sequence[int]) -> NDArray[np.float64] | None:
        """Return which images counted on these chips, 0 or 1 (chips, images); None where it is not known."""
        if column not in self.marks:
            return None
        by_chip = dict(zip(self.chips, self.marks[column], strict=True))
        return table([by_chip[chip] for chip in chips])


def _paired(
    pairs: Sequence[float], apart: NDArray[np.float64] | None, scale: float, level: float
) -> Estimate:
    """Return the mean of paired differences, by chip and, where known, by chip and image."""
    task = None if apart is None else over_both(apart, share=False, level=level)
    if len(pairs) > 1 and max(pairs) - min(pairs) > _ROUNDING * scale:
        return replace(over_chips(pairs, share=False, level=level), task=task)
    if task is not None:
        return Estimate(
            mean=mean(pairs), low=task.low, high=task.high, chips=len(pairs), halving=None, task=task
        )
    return over_chips([pairs[0]] * len(pairs), share=False, level=level)


def _difference(a: float, b: float) -> float:
    """a - b, and 0 for what rounding alone leaves."""
    return 0.0 if abs(a - b) <= _ROUNDING * max(abs(a), abs(b)) else a - b


def matching(points: Iterable[Point], **labels: Any) -> list[Point]:
    """Return points with these labels; an underscore stands for a space in a label's name."""
    wanted = {name.replace("_", " "): value for name, value in labels.items()}
    return [p for p in points if all(p.labels.get(name) == value for name, value in wanted.items())]


def chips_of(row: Mapping[str, Any]) -> list[int]:
    """Return names of the chips a row's task measured; one without a name where the task names none."""
    return list(row["shared"].get("chips", [0]))


def points(rows: Iterable[Mapping[str, Any]]) -> list[Point]:
    """Add up the rows that have results; sorted by labels, numbers by size, whatever order rows came in.

    Failed rows are left out: a report names them.  Of two rows for one chip the first in that order counts,
    and a column counts that every chip has.
    """
    found: dict[tuple, Point] = {}
    for row in sorted((row for row in rows if "result" in row), key=_order):
        at = found.setdefault(
            key_of(row["labels"]), Point(labels=dict(row["labels"]), shared=dict(row["shared"]))
        )
        _add(at, chips_of(row), row["result"])
    for at in found.values():
        whole = len(at.chips)
        at.per_chip = {name: values for name, values in at.per_chip.items() if len(values) == whole}
        at.marks = {name: texts for name, texts in at.marks.items() if len(texts) == whole}
    return list(found.values())


def _order(row: Mapping[str, Any]) -> tuple:
    labels = [
        (name, isinstance(value, str), value if isinstance(value, (int, float)) else 0.0, str(value))
        for name, value in key_of(row["labels"])
    ]
    return labels, chips_of(row), row["id"]


def _add(at: Point, chips: Sequence[int], result: Mapping[str, Any]) -> None:
    """Put one row's chips beside those already there."""
    new = [place for place, chip in enumerate(chips) if chip not in at.chips]
    if not new:
        return
    before, more = len(at.chips), len(new)
    at.chips += [chips[place] for place in new]
    for name, values in result["per_chip"].items():
        at.per_chip.setdefault(name, []).extend(values[place] for place in new)
    for name, texts in result.get("marks", {}).items():
        at.marks.setdefault(name, []).extend(texts[place] for place in new)
    for name, value in result["total"].items():
        at.total[name] = _mean(at.total.get(name), value, before, more)
    for name, values in result["series"].items():
        old = at.series.setdefault(name, list(values))
        if len(old) == len(values):  # of another length: the first stays
            at.series[name] = [_mean(a, b, before, more) for a, b in zip(old, values, strict=True)]


def _mean(old: Any, new: Any, before: int, more: int) -> Any:
    """Return two values weighted by their chips, mappings entry by entry, one that is missing being 0; what
    is no number stays as it was.
    """
    if old is None:
        return new
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = dict.fromkeys([*old, *new])
        return {k: _mean(old.get(k, 0.0), new.get(k, 0.0), before, more) for k in keys}
    if is_number(old) and is_number(new):
        return old if old == new else (old * before + new * more) / (before + more)
    return old
