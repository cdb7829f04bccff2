"""Intervals: no mean without one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, mean, stdev

from scipy.stats import t as student


def wilson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a share of independent trials.

    Raises ValueError unless 0 <= successes <= trials and trials > 0.  Source: Wilson, J. Am. Stat. Assoc.
    22:209 (1927).
    """
    if not (trials > 0 and 0 <= successes <= trials):
        raise ValueError(
            f"{successes} successes in {trials} trials: need 0 <= successes <= trials and at least one trial"
        )
    z = NormalDist().inv_cdf(0.5 + level / 2)
    p = successes / trials
    centre = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def over_chips(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Mean over chips with its Student-t interval: chips are the sample, the images are the same for all.

    One chip has no spread to tell: its interval is the whole range of a share, 0 to 1.
    """
    centre = mean(values)
    if len(values) < 2:
        return centre, 0.0, 1.0
    half = float(student.ppf(0.5 + level / 2, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return centre, max(0.0, centre - half), min(1.0, centre + half)
