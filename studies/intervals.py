"""Intervals: no mean without one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean, stdev

from scipy.stats import t as student

from models.measures import wilson

__all__ = ["over_chips", "wilson"]


def over_chips(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Mean over chips with its Student-t interval: chips are the sample, the images are the same for all.

    One chip has no spread to tell: its interval is the whole range of a share, 0 to 1.
    """
    centre = mean(values)
    if len(values) < 2:
        return centre, 0.0, 1.0
    half = float(student.ppf(0.5 + level / 2, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return centre, max(0.0, centre - half), min(1.0, centre + half)
