"""Intervals: no mean without one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import mean, stdev
from typing import final

from scipy.stats import t as student

from memsim.models.measures import wilson

__all__ = ["LEVEL", "Estimate", "chips_to_halve", "over_chips", "per_spread", "wilson"]

LEVEL = 0.95  #: of every interval


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


@lru_cache(maxsize=4096)
def per_spread(n: int, level: float = LEVEL) -> float:
    """Half of Student's interval of a mean over its values' standard deviation: t_(n-1) / sqrt(n), n >= 2."""
    return float(student.ppf(0.5 + level / 2, n - 1)) / math.sqrt(n)


def over_chips(values: Sequence[float], *, share: bool) -> Estimate:
    """Mean with Student's t interval over chips, which are the sample: the images are the same for all.

    share: values from 0 to 1, whose interval is cut to that range.  One chip shows no spread: its interval
    is everything possible.
    """
    n, centre = len(values), mean(values)
    half = per_spread(n) * stdev(values) if n > 1 else math.inf
    low, high = centre - half, centre + half
    if share:
        low, high = max(low, 0.0), min(high, 1.0)
    halving = chips_to_halve(n) if n > 1 and half > 0 else None
    return Estimate(mean=centre, low=low, high=high, chips=n, halving=halving)


@lru_cache(maxsize=256)
def chips_to_halve(n: int) -> int:
    """How many chips would give half the interval of n, were their spread the same: t(m-1)/sqrt(m) halved."""
    goal, m = per_spread(n) / 2, n + 1
    while per_spread(m) > goal:
        m += 1
    return m
