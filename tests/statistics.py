"""Checks that speak in standard errors, so that a test says how sure it is.

z = 5 gives one false alarm in 1.7 million; with a fixed seed a test that passes once passes always. Each
check must be seen to fail on a device that is 3 % wrong, otherwise it is decoration.
"""

import math
from typing import Any

import numpy as np

Z = 5.0  #: standard errors allowed


def assert_mean(values: Any, expected: float, *, sigma: float | None = None, floor: float = 0.0) -> None:
    """|mean - expected| < max(5 sigma / sqrt(n), floor); sigma is the sample's own where not given.

    `floor` is a stated accuracy of the law under test, in the values' unit; the wider of the two counts.
    """
    x = _flat(values)
    error = (x.std(ddof=1) if sigma is None else sigma) / math.sqrt(x.size)
    miss = abs(x.mean() - expected)
    allowed = max(Z * error, floor)
    assert miss <= allowed, (
        f"mean {x.mean():.6g}, expected {expected:.6g}: off by {miss:.3g}, allowed {allowed:.3g}"
        f" ({miss / error if error else math.inf:.1f} standard errors, n = {x.size})"
    )


def assert_std(values: Any, expected: float, *, rel: float = 0.0) -> None:
    """|std - expected| < max(5 standard errors, rel expected).

    The standard error is the sample's own, sqrt((m4 - s^4) / n) / (2 s): s / sqrt(2 n) for normal values.
    """
    x = _flat(values)
    error = std_error(x)
    miss = abs(x.std(ddof=1) - expected)
    allowed = max(Z * error, rel * expected)
    assert miss <= allowed, (
        f"spread {x.std(ddof=1):.6g}, expected {expected:.6g}: off by {miss:.3g}, allowed {allowed:.3g}"
        f" (n = {x.size})"
    )


def assert_same_mean(a: Any, b: Any, *, floor: float = 0.0) -> None:
    """|mean a - mean b| < max(5 standard errors of the difference, floor); samples independent."""
    x, y = _flat(a), _flat(b)
    allowed = max(Z * math.sqrt(x.var(ddof=1) / x.size + y.var(ddof=1) / y.size), floor)
    miss = abs(x.mean() - y.mean())
    assert miss <= allowed, (
        f"means {x.mean():.6g} and {y.mean():.6g} differ by {miss:.3g}, allowed {allowed:.3g}"
    )


def assert_same_std(a: Any, b: Any, *, rel: float = 0.0) -> None:
    """|std a - std b| < max(5 standard errors of the difference, rel std b); samples independent."""
    x, y = _flat(a), _flat(b)
    sx, sy = x.std(ddof=1), y.std(ddof=1)
    allowed = max(Z * math.hypot(std_error(x), std_error(y)), rel * sy)
    assert abs(sx - sy) <= allowed, (
        f"spreads {sx:.6g} and {sy:.6g} differ by {abs(sx - sy):.3g}, allowed {allowed:.3g}"
    )


def assert_same_law(a: Any, b: Any, *, floor: float = 0.0) -> None:
    """Two-sample Kolmogorov-Smirnov: sup |F_a - F_b| < 2.77 sqrt(1/n + 1/m) + floor.

    The large-sample law gives P(D sqrt(nm/(n+m)) > x) = 2 exp(-2 x^2): 2.77 is one false alarm in 1.7
    million pairs and more, about z = 5. `floor` is the distance the approximation under test claims.
    """
    x, y = np.sort(_flat(a)), np.sort(_flat(b))
    at = np.concatenate([x, y])
    distance = np.abs(
        np.searchsorted(x, at, "right") / x.size - np.searchsorted(y, at, "right") / y.size
    ).max()
    allowed = 2.77 * math.sqrt(1 / x.size + 1 / y.size) + floor
    assert distance <= allowed, f"laws differ: KS distance {distance:.4f}, allowed {allowed:.4f}"


def std_error(x: np.ndarray) -> float:
    """Standard error of a sample's standard deviation, whatever the law: sqrt((m4 - s^4) / n) / (2 s)."""
    centred = x - x.mean()
    variance = float((centred**2).mean())
    if variance == 0.0:
        return 0.0
    return math.sqrt(max(float((centred**4).mean()) - variance**2, 0.0) / x.size / variance) / 2


def _flat(values: Any) -> np.ndarray:
    x = np.asarray(values, dtype=np.float64).reshape(-1)
    assert x.size > 1 and np.isfinite(x).all(), "statistics need at least two finite values"
    return x
