"""Points of a study: rows of equal labels added up over chips, with intervals, and compared in pairs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import mean, stdev
from typing import Any, TypeGuard, final

from memsim.studies.evaluation.intervals import LEVEL, per_spread, wilson
from memsim.studies.running.task import point as key_of

SHARES = ("accuracy", "agreement", "mismatch")
"""Words in the names of columns that are shares, from 0 to 1."""

_ROUNDING = 1e-12  #: of a value: differences as small come from rounding alone


@final
@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over chips with its 95 % interval, and how many chips would halve that.

    The interval is infinite where nothing is known of it, and without width where every chip gives the same.
    """

    mean: float
    low: float
    high: float
    chips: int
    halving: int | None  #: None where the interval is not one over chips that differ

    @property
    def alike(self) -> bool:
        """Whether every one of several chips gives the same, and nothing else makes an interval."""
        return self.chips > 1 and self.low == self.high

    def __sub__(self, other: Estimate) -> float:
        return self.mean - other.mean


@final
@dataclass
class Point:
    """All that was measured at one place of a study.

    ``columns`` hold one value for each of ``chips``; ``values`` what the chips have in common (means over
    them, weighted by their number, where it is a number).
    """

    labels: dict[str, Any]
    chips: list[int] = field(default_factory=list)
    columns: dict[str, list[float]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)

    def estimate(self, column: str) -> Estimate:
        """The mean over chips with an interval.

        Student's t over chips, which all see the same images; where it has nothing to go by (one chip, or no
        spread at all) and the column is a share, Wilson's interval over images.  KeyError for no such column.
        """
        found = self.columns[column]
        images = self.values.get("harder images" if column.startswith("harder ") else "images")
        if len(found) > 1 and max(found) > min(found):
            return over_chips(found, share=any(word in column for word in SHARES))
        centre = mean(found)
        if images and ("accuracy" in column or "agreement" in column):
            low, high = wilson(round(centre * images), images, LEVEL)
            return Estimate(mean=centre, low=low, high=high, chips=len(found), halving=None)
        alike = len(found) > 1
        low, high = (centre, centre) if alike else (-math.inf, math.inf)
        return Estimate(mean=centre, low=low, high=high, chips=len(found), halving=None)

    def against(self, reference: Point, column: str) -> Estimate | None:
        """The mean difference to a reference over the chips both have, paired; None where they share none.

        KeyError for a column that either lacks.
        """
        ours, theirs = (dict(zip(p.chips, p.columns[column], strict=True)) for p in (self, reference))
        pairs = [_difference(ours[chip], theirs[chip]) for chip in ours if chip in theirs]
        scale = max(map(abs, (*ours.values(), *theirs.values())), default=0.0)
        if len(pairs) > 1 and max(pairs) - min(pairs) <= _ROUNDING * scale:
            pairs = [pairs[0]] * len(pairs)
        return over_chips(pairs, share=False) if pairs else None


def _difference(a: float, b: float) -> float:
    """a - b, and 0 for what rounding alone leaves."""
    return 0.0 if abs(a - b) <= _ROUNDING * max(abs(a), abs(b)) else a - b


def over_chips(values: list[float], *, share: bool) -> Estimate:
    """Mean with Student's t interval over chips, cut to [0, 1] for a share; one chip tells no interval."""
    n, centre = len(values), mean(values)
    if n < 2:
        return Estimate(mean=centre, low=-math.inf, high=math.inf, chips=n, halving=None)
    half = per_spread(n) * stdev(values)
    if half == 0.0:
        return Estimate(mean=centre, low=centre, high=centre, chips=n, halving=None)
    low, high = centre - half, centre + half
    if share:
        low, high = max(low, 0.0), min(high, 1.0)
    return Estimate(mean=centre, low=low, high=high, chips=n, halving=chips_to_halve(n))


@lru_cache(maxsize=256)
def chips_to_halve(n: int) -> int:
    """How many chips would give half the interval of n, were their spread the same: t(m-1)/sqrt(m) halved."""
    goal, m = per_spread(n) / 2, n + 1
    while per_spread(m) > goal:
        m += 1
    return m


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
        _add(at, row["result"])
    for at in found.values():
        at.columns = {name: values for name, values in at.columns.items() if len(values) == len(at.chips)}
    return list(found.values())


def _order(row: Mapping[str, Any]) -> tuple:
    labels = [
        (name, isinstance(value, str), value if isinstance(value, (int, float)) else 0.0, str(value))
        for name, value in key_of(row["labels"])
    ]
    return labels, row["result"].get("chips", []), row["id"]


def _add(at: Point, result: Mapping[str, Any]) -> None:
    """Put one row's chips beside those already there."""
    chips = list(result.get("chips", [0]))
    new = [place for place, chip in enumerate(chips) if chip not in at.chips]
    before, more = len(at.chips), len(new)
    at.chips += [chips[place] for place in new]
    for name, value in result.items():
        if name == "chips" or not more:
            continue
        if isinstance(value, list) and len(value) == len(chips) and all(map(_is_number, value)):
            at.columns.setdefault(name, []).extend(value[place] for place in new)
        else:
            at.values[name] = _mean(at.values.get(name), value, before, more)


def _mean(old: Any, new: Any, before: int, more: int) -> Any:
    """Two values weighted by their chips, mappings entry by entry, one that is missing being 0; what is no
    number stays as it was.
    """
    if old is None:
        return new
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = dict.fromkeys([*old, *new])
        return {k: _mean(old.get(k, 0.0), new.get(k, 0.0), before, more) for k in keys}
    if _is_number(old) and _is_number(new):
        return old if old == new else (old * before + new * more) / (before + more)
    return old


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
