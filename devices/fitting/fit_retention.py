"""Fit drift to measured retention curves: exponent with its spread, its clock, low-frequency and read noise.

    ln G_i(t) = a_i - nu_i ln((t + t_0) / t_0) + Q B_i(ln(t + t_0)) + r xi,    nu_i ~ N(nu, spread^2)

B is a random walk, so that errors of one device at two times are alike and only its increments are
independent; least squares on the readings would promise too much.  The likelihood is that of differences
between successive readings, in which the level a_i has gone.  Noise with a 1/f spectrum, as memsim simulates
it, is partly new at each reading: of such devices the walk takes that part for r, or makes Q too large.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from memsim.devices.fitting.estimates import Interval, around, population, standard_errors
from memsim.devices.fitting.fit import few_words, without_spreads
from memsim.devices.fitting.measurements import RetentionCurves, check_conductance, check_support
from memsim.devices.fitting.pulse_numbers import round_to
from memsim.devices.fitting.residuals import MISFIT
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


@dataclass(frozen=True)
class _Steps:
    """Differences of ln G between successive readings of N devices; blank where a device has none."""

    change: np.ndarray  #: (N, T - 1)
    known: np.ndarray  #: (N, T - 1), bool
    time: np.ndarray  #: (N, T) [s]

    def slope(self, t_0: float) -> np.ndarray:
        """Differences of ln((t + t_0) / t_0), (N, T - 1)."""
        return np.where(self.known, np.diff(np.log(self.time + t_0), axis=1), 0.0)

    def covariance(self, slope: np.ndarray, flicker: float, read: float) -> np.ndarray:
        """Of the differences, without the spread of nu: Q^2 on the diagonal, r^2 times 2 and -1."""
        size = self.change.shape[1]
        tri = 2 * np.eye(size) - np.eye(size, k=1) - np.eye(size, k=-1)
        both = self.known[:, :, None] & self.known[:, None, :]
        out = np.where(both, read * tri, 0.0)
        diagonal = np.where(self.known, flicker * slope, 1.0)
        return out + diagonal[:, :, None] * np.eye(size)

    def exponents(self, t_0: float, flicker: float, read: float) -> tuple[np.ndarray, np.ndarray]:
        """Each device's nu and its error variance, (N,), by generalised least squares."""
        slope = self.slope(t_0)
        weights = np.linalg.solve(self.covariance(slope, flicker, read), slope[..., None])[..., 0]
        information = (weights * slope).sum(1)
        return -(weights * self.change).sum(1) / information, 1 / information

    def loss(self, t_0: float, spread: float, flicker: float, read: float) -> float:
        """Minus the log likelihood of variances spread, flicker, read, the mean exponent at its best."""
        slope = self.slope(t_0)
        covariance = self.covariance(slope, flicker, read) + spread * slope[:, :, None] * slope[:, None, :]
        try:
            root = np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            return 1e30
        both = np.stack([self.change, slope], -1)
        white = np.linalg.solve(root, both)
        z, x = white[..., 0], white[..., 1]
        nu = -(z * x).sum() / (x * x).sum()
        return float(0.5 * ((z + nu * x) ** 2).sum() + np.log(np.einsum("nii->ni", root)).sum())


def fit_retention(curves: RetentionCurves, *, t_0: float | None = None) -> RetentionFit:
    """Fit a power-law drift to retention curves.

    t_0 [s]: time since the write from which drift is counted, fitted without.  read_noise is that of a device
    at the largest conductance read, g_max, as noise that goes with the root of the conductance.  Raises
    ValueError naming each parameter that the data cannot support, and what it would take.
    """
    _check(curves)
    curves, works = screen_retention(curves)
    steps = _steps(curves)
    at, error = _best(steps, t_0)
    clock, _, flicker, read = at
    if t_0 is None and error[0] * 1.96 > np.log(FACTOR):
        raise ValueError(
            f"these data cannot support t_0 [s]: it may be {np.exp(min(1.96 * error[0], 9.0)):.2g} times more"
            " or less; read earlier than t_0 and ten times later, or give it (--t-0)"
        )
    numbers = _exponents(steps, at, error[0] if t_0 is None else 0.0)
    if t_0 is None:
        low, high = np.exp(np.log(clock) + np.array([-1.96, 1.96]) * error[0])
        numbers["t_0 [s]"] = Interval(float(clock), float(low), float(high))
    for key, variance, sure in (("flicker_noise", flicker, error[2]), ("read_noise", read, error[3])):
        numbers[key] = around(float(variance), float(sure)).root
    nu, _ = steps.exponents(clock, flicker, read)
    fixed = {} if t_0 is None else {"t_0 [s]": t_0}
    top = float(np.nanmax(curves.conductance))
    fixed["g_max [S]"] = round_to(top, up=True)
    mean = float(np.nanmean(curves.conductance))
    numbers["read_noise"] = numbers["read_noise"].times(float(np.sqrt(mean / fixed["g_max [S]"])))
    numbers, missing = without_spreads(numbers, len(curves.devices))
    return RetentionFit(fixed, numbers, curves, nu, _residuals(curves, nu, clock), works, missing)


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


def _steps(curves: RetentionCurves) -> _Steps:
    with np.errstate(divide="ignore"):
        change = np.diff(np.log(curves.conductance.T), axis=1)
    known = np.isfinite(change)
    time = np.where(np.isfinite(curves.time), curves.time, np.nanmax(curves.time)).T
    return _Steps(np.where(known, change, 0.0), known, time)


def _best(steps: _Steps, t_0: float | None) -> tuple[np.ndarray, np.ndarray]:
    """t_0 and the variances of nu, flicker and read noise, most likely; errors of ln t_0 and of these."""
    first = float(np.median(steps.time[:, 0]))
    noise = max(float(steps.change[steps.known].var()), 1e-12)
    unit = np.array([1.0, 0.02**2, noise, noise])

    def loss(x: np.ndarray) -> float:
        clock = np.exp(x[0]) if t_0 is None else t_0
        return steps.loss(clock, *(unit[1:] * np.exp(x[1:])))

    start = np.array([np.log(max(first, 1e-3)), 0.0, -2.0, -2.0])
    bounds = [(np.log(1e-6), np.log(1e9)), (-12, 12), (-14, 8), (-14, 8)]
    starts = [start, start + 3 * np.eye(4)[0]] if t_0 is None else [start]
    found = [minimize(loss, s, method="L-BFGS-B", bounds=bounds) for s in starts]
    best = min(found, key=lambda one: one.fun)
    at = np.concatenate([[best.x[0]], np.exp(best.x[1:])])
    free = [0, 1, 2, 3] if t_0 is None else [1, 2, 3]

    def by_variance(v: np.ndarray) -> float:
        full = at.copy()
        full[free] = v
        clock = np.exp(full[0]) if t_0 is None else t_0
        return steps.loss(clock, *(unit[1:] * np.maximum(full[1:], 1e-9)))

    error = np.zeros(4)
    h = np.maximum(0.1 * np.abs(at), 2e-3)
    centre = np.concatenate([at[:1], np.maximum(at[1:], 1.001 * h[1:])])
    error[free] = standard_errors(by_variance, centre[free], h[free])
    value = np.concatenate([[np.exp(at[0]) if t_0 is None else t_0], at[1:] * unit[1:]])
    return value, error * unit


def _exponents(steps: _Steps, at: np.ndarray, clock_error: float) -> dict[str, Interval]:
    """Mean and spread of nu; their intervals widened by what t_0 may be off."""

    def found(t_0: float) -> tuple[Interval, Interval]:
        nu, error = steps.exponents(t_0, at[2], at[3])
        return population(nu, nu + np.sqrt(error) * np.array([[1.0], [-1.0]]))

    here, there = found(at[0]), found(at[0] * np.exp(0.1))
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
