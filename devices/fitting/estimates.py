"""What measured devices say of their population: a mean and a spread, each with its 95 % interval."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.stats import chi2, norm
from scipy.stats import t as student

END = 0.05  #: how well the end of a profile's interval is found, over its distance from the best [1]


class Interval(NamedTuple):
    """An estimate with its 95 % interval, all in one unit."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> "Interval":
        """The same in another unit."""
        low, high = sorted((factor * self.low, factor * self.high))
        return Interval(factor * self.value, low, high)

    @property
    def root(self) -> "Interval":
        """Of a variance, that of the spread; what lies below 0 is 0."""
        return Interval(*(math.sqrt(max(v, 0.0)) for v in self))


def population(value: np.ndarray, copies: np.ndarray) -> tuple[Interval, Interval]:
    """Mean and spread of a normal population from N members (N,), each measured with an error.

        mean     m +- t_(N-1) S / sqrt(N),   m, S^2 the members' mean and variance
        spread   sqrt(S^2 - v),   (N-1) S^2 / (tau^2 + v) is chi^2 with N-1 degrees of freedom

    copies (R, N): members measured again in simulation; they give the error variance v and what is
    systematic in an error, which is taken off.  Members weigh the same whatever their errors: an error that
    grows with the value it belongs to, as that of a step does, would bias a weighted mean.  A spread that
    errors alone explain is 0, and so may the lower end of its interval be; the upper one never is.
    """
    error = copies - value
    if len(value) == 1:  # one device is its own mean
        return around(float(value[0]), float(np.median(np.abs(error))) / 0.6745), Interval(0.0, 0.0, math.inf)
    usual = 6.0 * float(np.median(np.abs(error))) / 0.6745
    error = error.clip(-usual, usual)  # one copy in a thousand is far off and would be all of the variance
    bias = float(error.mean())
    x, v, degrees = value - bias, float(error.var()), len(value) - 1
    mean, total = float(x.mean()), float(x.var(ddof=1))
    reach = float(student.ppf(0.975, degrees)) * math.sqrt(total / len(x))
    low, high = (degrees * total / float(chi2.ppf(p, degrees)) for p in (0.975, 0.025))
    parts = (total - v, low - v, high - min(v, total))  # no error is larger than what was seen, S^2
    return Interval(mean, mean - reach, mean + reach), Interval(*(math.sqrt(max(s, 0.0)) for s in parts))


def around(value: float, error: float) -> Interval:
    """A normal interval, value +- 1.96 errors."""
    reach = float(norm.ppf(0.975)) * error
    return Interval(value, value - reach, value + reach)


def profile(
    loss: Callable[[np.ndarray], float], x: np.ndarray, k: int, bounds: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """Ends of the 95 % interval of parameter k by its profile likelihood: where a loss, minus the log
    likelihood, at its least over all others, is 1.92 above that at x, its least of all; the bound where
    that comes first.  To 5 % of its reach; a parameter is counted in units of about its size.
    """
    others, limit = np.arange(len(x)) != k, loss(x) + float(chi2.ppf(0.95, 1)) / 2
    inside = [bound for bound, other in zip(bounds, others, strict=True) if other]

    def end(side: float) -> float:
        near = x[others]  # of the last value: the next begins there

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
    """Of parameters x (n,) where a loss, minus the log likelihood, is least: from its curvature by central
    differences of h (n,).
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
    """Return how far a parameter moves until the loss has risen by 1/2; used where the curvature is flat."""
    for doubled in range(40):
        if not loss(x + 2.0**doubled * step) - base < 0.5:
            break
    return float(2.0**doubled * step.max())
