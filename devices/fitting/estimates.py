"""Estimates for the population of devices from a sample: mean and spread, each with its 95 % interval."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.stats import chi2, norm
from scipy.stats import t as student

END = 0.05  #: relative precision of the ends of a profile interval [1]


class Interval(NamedTuple):
    """Estimate with its 95 % interval, all in the same unit."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> "Interval":
        """Return the interval multiplied by a factor, such as a change of unit."""
        low, high = sorted((factor * self.low, factor * self.high))
        return Interval(factor * self.value, low, high)

    @property
    def root(self) -> "Interval":
        """Interval of the standard deviation, if this is that of a variance; negative values become 0."""
        return Interval(*(math.sqrt(max(v, 0.0)) for v in self))


def population(value: np.ndarray, copies: np.ndarray) -> tuple[Interval, Interval]:
    """Return mean and spread of a normal population from N members, value (N,), each with a measurement
    error.

        mean     m +- t_(N-1) S / sqrt(N),   m, S^2 the members' mean and variance
        spread   sqrt(S^2 - v),   (N-1) S^2 / (tau^2 + v) is chi^2 with N-1 degrees of freedom

    copies (R, N): simulated repetitions of the measurement of each member.  They give the error variance v
    and the bias of the measurement, which is subtracted.  All members have the same weight, because errors
    that grow with the value, like those of a step, would bias a weighted mean.  If errors alone explain the
    variance, the spread and the lower end of its interval are 0; the upper end never is.
    """
    error = copies - value
    if len(value) == 1:  # with one device the spread is unknown
        return around(float(value[0]), float(np.median(np.abs(error))) / 0.6745), Interval(0.0, 0.0, math.inf)
    usual = 6.0 * float(np.median(np.abs(error))) / 0.6745
    error = error.clip(-usual, usual)  # rare outliers among the copies would dominate the variance
    bias = float(error.mean())
    x, v, degrees = value - bias, float(error.var()), len(value) - 1
    mean, total = float(x.mean()), float(x.var(ddof=1))
    reach = float(student.ppf(0.975, degrees)) * math.sqrt(total / len(x))
    low, high = (degrees * total / float(chi2.ppf(p, degrees)) for p in (0.975, 0.025))
    parts = (total - v, low - v, high - min(v, total))  # no error is larger than what was seen, S^2
    return Interval(mean, mean - reach, mean + reach), Interval(*(math.sqrt(max(s, 0.0)) for s in parts))


def around(value: float, error: float) -> Interval:
    """Return a normal interval, value +- 1.96 error."""
    reach = float(norm.ppf(0.975)) * error
    return Interval(value, value - reach, value + reach)


def profile(
    loss: Callable[[np.ndarray], float], x: np.ndarray, k: int, bounds: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """Return the ends of the 95 % interval of parameter k by its profile likelihood.

    At the ends, the loss (minus the log likelihood), minimised over all other parameters, is 1.92 above its
    global minimum at x; an end may also be a bound.  The precision is 5 % of the distance from x.  Parameters
    should be scaled to about 1.
    """
    others, limit = np.arange(len(x)) != k, loss(x) + float(chi2.ppf(0.95, 1)) / 2
    inside = [bound for bound, other in zip(bounds, others, strict=True) if other]

    def end(side: float) -> float:
        near = x[others]  # solution for the last value, where the next search starts

        def rise(v: float) -> float:
            nonlocal near
            full = np.full(len(x), v)

            def part(rest: np.ndarray) -> float:
                full[others] = rest
                return loss(full)

            found = minimize(part, near, method="L-BFGS-B", bounds=inside)
            near = found.x
            return float(found.fun) - limit

        inner, step = float(x[k]), side * max(0.2 * abs(float(x[k])), 0.01)
        outer = float(np.clip(inner + step, *bounds[k]))
        while rise(outer) <= 0:
            if outer in bounds[k]:
                return outer
            inner, step = outer, 2 * step
            outer = float(np.clip(inner + step, *bounds[k]))
        while abs(outer - inner) > END * max(abs(outer - float(x[k])), END):
            middle = (inner + outer) / 2
            inner, outer = (inner, middle) if rise(middle) > 0 else (middle, outer)
        return outer

    return end(-1.0), end(1.0)


def standard_errors(loss: Callable[[np.ndarray], float], x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Return the standard errors (n,) of parameters x (n,) at the minimum of a loss, minus the log
    likelihood.

    They come from the curvature of the loss, by central differences with steps h (n,).
    """
    base, e, curvature = loss(x), np.diag(h), np.empty((len(x), len(x)))
    for i in range(len(x)):
        curvature[i, i] = (loss(x + e[i]) - 2 * base + loss(x - e[i])) / h[i] ** 2
        for j in range(i):
            along = loss(x + e[j] + e[i]) - loss(x + e[j] - e[i])
            along += loss(x - e[j] - e[i]) - loss(x - e[j] + e[i])
            curvature[i, j] = curvature[j, i] = along / (4 * h[i] * h[j])
    variance = np.diag(np.linalg.pinv(curvature))
    return np.array([
        math.sqrt(v) if v > 0 else _rise(loss, x, e[i], base) for i, v in enumerate(variance)
    ])  # fmt: skip


def _rise(loss: Callable[[np.ndarray], float], x: np.ndarray, step: np.ndarray, base: float) -> float:
    """Return the change of a parameter that raises the loss by 1/2; used if the curvature is not positive."""
    for doubled in range(40):
        if not loss(x + 2.0**doubled * step) - base < 0.5:
            break
    return float(2.0**doubled * step.max())
