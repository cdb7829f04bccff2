"""Fit drift to measured retention curves: exponent with its spread, its clock, low-frequency and read noise.

    ln G_i(t) = a_i - nu_i ln((t + t_0) / t_0) + Q B_i(t) + W_i(ln(t + t_0)) + r xi,    nu_i ~ N(nu, spread^2)

B has the spectrum 1/f between 1 / (t + t_0 + t_read) and 1 / (2 t_read), as memsim simulates it: its
covariance between two times is known.  W is a random walk, of variance w^2 for each factor e of time: a
structure that moves on and never comes back, which no field of a card says.  r is new at each reading.
Errors of one device at two times are alike, so least squares on the readings would promise too much; the
likelihood is that of differences between successive readings, in which the level a_i has gone
(:mod:`memsim.devices.fitting.retention_steps`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from memsim.devices.fitting.estimates import Interval, population, profile, standard_errors
from memsim.devices.fitting.fit import few_words, without_spreads
from memsim.devices.fitting.measurements import RetentionCurves, check_conductance, check_support
from memsim.devices.fitting.pulse_numbers import round_to
from memsim.devices.fitting.residuals import MISFIT
from memsim.devices.fitting.retention_steps import Steps, Variances
from memsim.devices.fitting.screening import Yield, screen_retention

TIMES = 4  #: fewest readings of each device
DECADES = 1.0  #: least span of ln(t + t_0) that gives an exponent [log10]
FACTOR = 3.0  #: largest factor by which t_0 may be uncertain


@dataclass(frozen=True)
class RetentionFit:
    """A fitted drift law."""

    fixed: dict[str, float]  #: numbers that were not fitted
    numbers: dict[str, Interval]  #: by their keys of a device card
    measured: RetentionCurves
    exponent: np.ndarray  #: of each device (N,)
    residuals: np.ndarray  #: what each reading misses its device's own power law by, relative (T, N)
    works: Yield
    walk: Interval  #: w, for each root of a factor e of time, relative [1]
    not_measured: tuple[str, ...] = ()  #: spreads that too few devices cannot give

    @property
    def warnings(self) -> list[str]:
        """What to know before trusting the fit: from the mean over devices of what their power laws leave, at
        the worst time.
        """
        off = np.abs(np.nanmean(self.residuals, 1)) * np.sqrt(np.isfinite(self.residuals).sum(1))
        spread = np.nanstd(self.residuals, 1, ddof=min(1, self.residuals.shape[1] - 1))
        worst = float(np.max(off / np.where(spread > 0, spread, np.inf)))
        out = [str(self.works)] if self.works.faults else []
        out += few_words(len(self.measured.devices), self.not_measured)
        if self.walk.low > 0:
            out.append(
                f"conductances wander by {100 * self.walk.value:.2g} % ({100 * self.walk.low:.2g} to"
                f" {100 * self.walk.high:.2g}) for each factor e of time and do not come back: no field of a"
                " card says that, and the cell is without it"
            )
        if worst > MISFIT:
            out.append(
                f"a power law misses the devices' mean by {worst:.1f} standard errors: do not trust the"
                " intervals; --law relaxation is a line in ln t"
            )
        return out

    @property
    def section(self) -> dict[str, Any]:
        """The ``[weight]`` table of a device card."""
        return self.fixed | {key: float(f"{i.value:.6g}") for key, i in self.numbers.items()}


def fit_retention(
    curves: RetentionCurves, *, t_0: float | None = None, t_read: float = 250e-9
) -> RetentionFit:
    """Fit a power-law drift to retention curves.

    t_0 [s]: time since the write from which drift is counted, fitted without.  t_read [s]: length of a read,
    where low-frequency noise begins.  read_noise is that of a device at the largest conductance read, g_max,
    as noise that goes with the root of the conductance.  Raises ValueError naming each parameter that the
    data cannot support, and what it would take.
    """
    _check(curves)
    curves, works = screen_retention(curves)
    steps = Steps.of(curves, t_read)
    clock, at, error, spreads = _best(steps, t_0)
    if t_0 is None and error * 1.96 > np.log(FACTOR):
        raise ValueError(
            f"these data cannot support t_0 [s]: it may be {np.exp(min(1.96 * error, 9.0)):.2g} times more"
            " or less; read earlier than t_0 and ten times later, or give it (--t-0)"
        )
    numbers = _exponents(steps, clock, at, error)
    if t_0 is None:
        low, high = np.exp(np.log(clock) + np.array([-1.96, 1.96]) * error)
        numbers["t_0 [s]"] = Interval(clock, float(low), float(high))
    numbers["flicker_noise"], numbers["read_noise"], walk = spreads
    nu, _ = steps.exponents(clock, at)
    fixed = {} if t_0 is None else {"t_0 [s]": t_0}
    top = float(np.nanmax(curves.conductance))
    fixed["g_max [S]"] = round_to(top, up=True)
    mean = float(np.nanmean(curves.conductance))
    numbers["read_noise"] = numbers["read_noise"].times(float(np.sqrt(mean / fixed["g_max [S]"])))
    numbers, missing = without_spreads(numbers, len(curves.devices))
    return RetentionFit(fixed, numbers, curves, nu, _residuals(curves, nu, clock), works, walk, missing)


def _check(curves: RetentionCurves) -> None:
    check_conductance(curves.conductance[np.isfinite(curves.conductance)], "the curves")
    missing = []
    if (curves.conductance <= 0).any():
        missing.append("drift_exponent: a conductance of 0 has no logarithm; leave such readings out")
    fewest = int(np.isfinite(curves.time).sum(0).min())
    if fewest < TIMES:
        missing.append(
            f"drift_exponent: some device was read at {fewest} time{'s' * (fewest != 1)} only, {TIMES} or"
            " more are needed, over a decade and more"
        )
    else:
        later = np.nanmax(curves.time, 0) / np.maximum(np.nanmin(curves.time, 0), 1e-9)
        if later.min() < 10**DECADES:
            missing.append(
                f"drift_exponent: some device was followed from its first reading to {later.min():.2g} times"
                f" that time; {10**DECADES:g} times or more are needed"
            )
    check_support(missing)


def _best(steps: Steps, t_0: float | None) -> tuple[float, Variances, float, list[Interval]]:
    """t_0 [s] and the variances, most likely; error of ln t_0; Q, r and w with their intervals."""
    unit = steps.units()

    def loss(x: np.ndarray) -> float:
        return steps.loss(np.exp(x[0]) if t_0 is None else t_0, Variances(*(unit * x[1:])))

    start = np.array([np.log(max(float(np.median(steps.time[:, 0])), 1e-3)), 1.0, 0.2, 0.1, 0.1])
    bounds = [(np.log(1e-6), np.log(1e9)), (0.0, 1e4), *[(0.0, 1e3)] * 3]
    starts = [start, start + 3 * np.eye(5)[0]] if t_0 is None else [start]
    found = [minimize(loss, s, method="L-BFGS-B", bounds=bounds) for s in starts]
    best = min(found, key=lambda one: one.fun).x
    at = Variances(*(float(v) for v in unit * best[1:]))
    spreads = [
        Interval(value, *(float(size * end) for end in profile(loss, best, k, bounds))).root
        for k, value, size in zip((2, 3, 4), at[1:], unit[1:], strict=True)
    ]
    if t_0 is not None:
        return t_0, at, 0.0, spreads

    def by_variance(v: np.ndarray) -> float:
        return steps.loss(np.exp(v[0]), Variances(*(unit * np.maximum(v[1:], 1e-9))))

    centre = best.copy()
    h = np.maximum(0.1 * np.abs(centre), 2e-3)
    centre[1:] = np.maximum(centre[1:], 1.001 * h[1:])
    return float(np.exp(best[0])), at, float(standard_errors(by_variance, centre, h)[0]), spreads


def _exponents(steps: Steps, clock: float, at: Variances, clock_error: float) -> dict[str, Interval]:
    """Mean and spread of nu; their intervals widened by what t_0 may be off."""

    def found(t_0: float) -> tuple[Interval, Interval]:
        nu, error = steps.exponents(t_0, at)
        return population(nu, nu + np.sqrt(error) * np.array([[1.0], [-1.0]]))

    here, there = found(clock), found(clock * np.exp(0.1))
    out = {}
    for key, one, other in zip(("drift_exponent", "drift_exponent_spread"), here, there, strict=True):
        shift = 1.96 * clock_error * abs(other.value - one.value) / 0.1
        low, high = (
            one.value + side * np.hypot(end - one.value, shift)
            for side, end in ((-1, one.low), (1, one.high))
        )
        out[key] = Interval(one.value, max(float(low), 0.0), float(high))
    return out


def _residuals(curves: RetentionCurves, nu: np.ndarray, t_0: float) -> np.ndarray:
    rest = np.log(curves.conductance) + nu * np.log1p(curves.time / t_0)
    return rest - np.nanmean(rest, 0)
