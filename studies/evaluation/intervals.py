"""Intervals: no mean without one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import mean, stdev

from scipy.stats import t as student

from memsim.models.measures import wilson

__all__ = ["LEVEL", "over_chips", "per_spread", "wilson"]

LEVEL = 0.95  #: of every interval


@lru_cache(maxsize=4096)
def per_spread(n: int, level: float = LEVEL) -> float:
    """Half of Student's interval of a mean over its values' standard deviation: t_(n-1) / sqrt(n), n >= 2."""
    return float(student.ppf(0.5 + level / 2, n - 1)) / math.sqrt(n)


def over_chips(values: Sequence[float], level: float = LEVEL) -> tuple[float, float, float]:
    """Mean of a share over chips with its Student-t interval: chips are the sample, the images are the same.

    One chip has no spread to tell: its interval is the whole range of a share, 0 to 1.
    """
    centre = mean(values)
    if len(values) < 2:
        return centre, 0.0, 1.0
    half = per_spread(len(values), level) * stdev(values)
    return centre, max(0.0, centre - half), min(1.0, centre + half)
