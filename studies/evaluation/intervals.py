"""Intervals, each saying what it is over: no mean without one.

Over chips: what other chips of the same card would give on these images. Over chips and images: what other
chips would give on other images of the same kind, which is what a claim about the task needs.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import mean, stdev
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from memsim.models.wilson import wilson

__all__ = [
    "LEVEL",
    "Estimate",
    "Span",
    "chips_to_halve",
    "corrected",
    "crossed",
    "over_both",
    "over_chips",
    "per_spread",
    "wilson",
]

LEVEL = 0.95  #: of every interval
TASK, HERE = "over chips and images", "on these images"  #: what an interval is over, in words


class Span(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 where all of it is above zero, -1 where all of it is below, else 0."""
        return int(self.low > 0) - int(self.high < 0)


@final
@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over chips with its 95 % intervals, and how many chips would halve the first.

    `low` and `high` are over chips on these images; where chips differ in nothing (or there is one), over
    these images alone, if it is known which of them counted; else infinite, or without width where every
    chip gives the same number. `task` is over chips and images.
    """

    mean: float
    low: float
    high: float
    chips: int
    halving: int | None  #: None where the interval is not one over chips that differ
    task: Span | None = None  #: over chips and images; None where it is not known which images counted

    @property
    def alike(self) -> bool:
        """Whether every one of several chips gives the same, and nothing else makes an interval."""
        return self.chips > 1 and self.low == self.high

    @property
    def sure(self) -> tuple[int, str]:
        """The sign that is certain at the interval's level, and of what; (0, "") where none is."""
        if self.task is not None and self.task.sign:
            return self.task.sign, TASK
        return (self.here.sign, HERE) if self.here.sign and not self.alike else (0, "")

    @property
    def here(self) -> Span:
        """The interval on these images."""
        return Span(self.low, self.high)

    def __sub__(self, other: Estimate) -> float:
        return self.mean - other.mean


@lru_cache(maxsize=4096)
def per_spread(n: int, level: float = LEVEL) -> float:
    """Return half of Student's interval of a mean over its values' standard deviation: t_(n-1) / sqrt(n),
    n >= 2.
    """
    return float(student.ppf(0.5 + level / 2, n - 1)) / math.sqrt(n)


def corrected(of: int, level: float = LEVEL) -> float:
    """Return the level of an interval whose subject was picked as the best of `of` candidates
    (Bonferroni).
    """
    if of < 1:
        raise ValueError(f"of = {of}: the best of at least one")
    return 1 - (1 - level) / of


def over_chips(values: Sequence[float], *, share: bool, level: float = LEVEL) -> Estimate:
    """Return the mean with Student's t interval over chips, which are the sample: the images are the same for
    all.

    share: values from 0 to 1, whose interval is cut to that range.  One chip shows no spread: its interval
    is everything possible.
    """
    n, centre = len(values), mean(values)
    half = per_spread(n, level) * stdev(values) if n > 1 else math.inf
    low, high = centre - half, centre + half
    if share:
        low, high = max(low, 0.0), min(high, 1.0)
    halving = chips_to_halve(n) if n > 1 and half > 0 else None
    return Estimate(mean=centre, low=low, high=high, chips=n, halving=halving)


def over_both(counted: NDArray, *, share: bool, level: float = LEVEL) -> Span:
    """Return the interval of a mean over chips and images, both of them samples.

    counted (chips, images): 0 or 1 for a share; -1, 0 or 1 for a paired difference of two. Chips and images
    are crossed random effects, with mean squares M_chip, M_image and M_rest of the two-way table:

        var(mean) = (M_chip + M_image - M_rest) / (chips images),   not below M_chip or M_image alone

    The ends are Student's, with Satterthwaite's degrees of freedom (Biometrics Bulletin 2, 110, 1946). Before
    that two right and two wrong images are added to a share (Agresti & Coull, Am. Stat. 52, 119, 1998), one
    of each to a difference (after Agresti & Min, Stat. Med. 24, 729, 2005): no table of equal entries is
    certain. ValueError for a table without images, or entries outside the range.
    """
    table = np.asarray(counted, dtype=float)
    if table.ndim != 2 or table.size == 0 or np.abs(table).max() > 1 or (share and table.min() < 0):
        raise ValueError(f"counted: a table (chips, images) of -1, 0 and 1 is needed, not {table.shape}")
    added = [1.0, 1.0, 0.0, 0.0] if share else [1.0, -1.0]
    low, high = crossed(np.concatenate([table, np.tile(added, (len(table), 1))], 1), level)
    return Span(max(low, 0.0), min(high, 1.0)) if share else Span(low, high)


def crossed(table: NDArray, level: float = LEVEL) -> Span:
    """Return the interval of the mean of any numbers (chips, images), both of them samples: as `over_both`,
    with nothing added.  One number has no interval: everything is possible.
    """
    chips, images = table.shape
    if table.size == 1:
        return Span(-math.inf, math.inf)
    centre = table.mean()
    by_chip, by_image = table.mean(1) - centre, table.mean(0) - centre
    rest = table - centre - by_chip[:, None] - by_image
    free = np.array([chips - 1, images - 1, (chips - 1) * (images - 1)], dtype=float)
    sums = np.array([images * (by_chip**2).sum(), chips * (by_image**2).sum(), (rest**2).sum()])
    squares = np.divide(sums, free, out=np.zeros(3), where=free > 0)
    total = squares[0] + squares[1] - squares[2]
    parts = (squares**2)[free > 0] / free[free > 0]
    freedom = max(total, 0.0) ** 2 / max(parts.sum(), sys.float_info.min)
    if total < squares[:2].max():
        which = int(squares[:2].argmax())
        total, freedom = squares[which], free[which]
    half = float(student.ppf(0.5 + level / 2, max(freedom, 1.0))) * math.sqrt(total / table.size)
    return Span(float(centre - half), float(centre + half))


@lru_cache(maxsize=256)
def chips_to_halve(n: int) -> int:
    """Return how many chips would give half the interval of n, were their spread the same: t(m-1)/sqrt(m)
    halved.
    """
    goal, m = per_spread(n) / 2, n + 1
    while per_spread(m) > goal:
        m += 1
    return m
