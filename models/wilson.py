"""The interval of a share: Wilson's score interval, without torch."""

from math import sqrt
from statistics import NormalDist


def wilson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Score interval of a share of independent trials, meaningful at 0 and 1 too.

    ValueError unless 0 <= successes <= trials, trials > 0. Source: Wilson, J. Am. Stat. Assoc. 22:209 (1927).
    """
    if not (trials > 0 and 0 <= successes <= trials):
        raise ValueError(
            f"{successes} successes in {trials} trials: need 0 <= successes <= trials, trials > 0"
        )
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, spread = successes / trials, z * z / trials
    half = z * sqrt(share * (1 - share) / trials + spread / (4 * trials))
    middle = share + spread / 2
    low = (middle - half) / (1 + spread) if successes else 0.0
    return low, (middle + half) / (1 + spread) if successes < trials else 1.0
