"""Steps of each measured device under an affine law, and the two noises common to all devices.

A device has two parameters for each direction, found by Fisher scoring.  The noises maximise the likelihood
in which the parameters of the devices are integrated out (Laplace approximation), so that they do not bias
it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from memsim.devices.fitting.estimates import Interval, around, standard_errors
from memsim.devices.fitting.pulse_filter import (
    DOWN_RATE,
    DOWN_STEP,
    UP_RATE,
    UP_STEP,
    Curves,
    innovations,
    log_likelihood,
    mean_change,
    simulate,
)
from memsim.devices.fitting.tables.directions import RESET

COPIES = 8  #: number of simulations of every device


@dataclass(frozen=True)
class Devices:
    """Parameters of every device with their Fisher information and likelihood."""

    theta: np.ndarray  #: parameters (N, 4), see `pulse_filter`
    information: np.ndarray  #: Fisher information of the free parameters (N, free, free)
    likelihood: np.ndarray  #: log likelihood (N,)

    @property
    def integrated(self) -> float:
        """Log likelihood with the parameters of devices integrated out (Laplace approximation, flat
        prior).
        """
        sign, size = np.linalg.slogdet(self.information)
        return float((self.likelihood - 0.5 * size).sum()) if (sign > 0).all() else -np.inf


def score(
    curves: Curves, free: tuple[int, ...], start: np.ndarray, cycle: float, level: float, rounds: int
) -> Devices:
    """Return the most likely parameters of each device for given noises, by damped Fisher scoring.

    start (N, 4): initial parameters; free: columns that are fitted; cycle [1], level: noises; rounds:
    iterations.
    """
    columns, span = list(free), float(np.nanmax(curves.conductance) - np.nanmin(curves.conductance))
    size = np.maximum(np.abs(start).mean(0), [1e-3 * span, 1e-3, 1e-3 * span, 1e-3])
    width, damping = 1e-3 * size[columns], np.full(len(start), 1e-3)
    theta = start
    best, gradient, information = _slopes(curves, columns, start, width, cycle, level)
    for _ in range(rounds - 1):
        ridge = information * np.eye(len(free)) * damping[:, None, None] + 1e-12 * np.eye(len(free))
        trial = theta.copy()
        trial[:, columns] += np.linalg.solve(information + ridge, gradient[..., None])[..., 0]
        trial[:, [UP_STEP, DOWN_STEP]] = np.maximum(trial[:, [UP_STEP, DOWN_STEP]], 1e-6 * span)
        trial[:, [UP_RATE, DOWN_RATE]] = np.clip(trial[:, [UP_RATE, DOWN_RATE]], -0.1, 1.0)
        found = _slopes(curves, columns, trial, width, cycle, level)
        better = found[0] > best - 1e-9
        damping *= np.where(better, 0.1, 30.0)
        theta = np.where(better[:, None], trial, theta)
        best = np.where(better, found[0], best)
        gradient = np.where(better[:, None], found[1], gradient)
        information = np.where(better[:, None, None], found[2], information)
    return Devices(theta, information, best)


def _slopes(
    curves: Curves, columns: list[int], theta: np.ndarray, width: np.ndarray, cycle: float, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the log likelihood of each device (N,), its gradient and its expected curvature."""
    shift = width[:, None] * np.eye(4)[columns]
    e, s = innovations(
        np.stack([theta, *(theta + d for d in shift), *(theta - d for d in shift)]), cycle, level, curves
    )
    ups, downs = slice(1, 1 + len(columns)), slice(1 + len(columns), None)
    slope_e, slope_s = ((x[:, ups] - x[:, downs]) / (2 * width[:, None]) for x in (e, s))
    e, s = e[:, :1], s[:, :1]
    slope_e, slope_s = slope_e / np.sqrt(s), slope_s / s
    gradient = -(slope_e * e / np.sqrt(s) + 0.5 * slope_s * (1 - e**2 / s)).sum(0).T
    information = (np.einsum("kan,kbn->nab", x, x) for x in (slope_e, slope_s / np.sqrt(2)))
    return log_likelihood(e[:, 0], s[:, 0]), gradient, sum(information)  # type: ignore[return-value]


def start_of(curves: Curves, free: tuple[int, ...]) -> np.ndarray:
    """Return initial parameters (N, 4) by a linear regression of increments on the conductance before
    them.
    """
    y, d = _filled(curves.conductance), curves.direction[1:]
    before, change = y[:-1] - curves.middle, np.diff(y, axis=0) * d
    theta = np.zeros((y.shape[1], 4))
    for side, step, rate in ((1, UP_STEP, UP_RATE), (-1, DOWN_STEP, DOWN_RATE)):
        use = (d == side) & np.isfinite(change)
        weight, x = use.astype(float), np.where(use, -side * before, 0.0)
        f = np.where(use, change, 0.0)
        n, sx, sxx = weight.sum(0), x.sum(0), (x * x).sum(0)
        slope = (n * (x * f).sum(0) - sx * f.sum(0)) / np.maximum(n * sxx - sx**2, 1e-300)
        slope = np.where(rate in free, np.clip(slope, 0.0, 0.9), 0.0)
        theta[:, step], theta[:, rate] = (f.sum(0) - slope * sx) / np.maximum(n, 1.0), slope
    span = np.nanmax(y) - np.nanmin(y)
    theta[:, [UP_STEP, DOWN_STEP]] = np.maximum(theta[:, [UP_STEP, DOWN_STEP]], 1e-4 * span)
    return theta


def _filled(y: np.ndarray) -> np.ndarray:
    """Return readings with missing ones interpolated linearly; NaN after the last reading of a device."""
    if np.isfinite(y).all():
        return y
    out, at = y.copy(), np.arange(len(y))
    for i, column in enumerate(y.T):
        there = np.flatnonzero(np.isfinite(column))
        if len(there):
            inside = slice(there[0], there[-1] + 1)
            out[inside, i] = np.interp(at[inside], there, column[there])
    return out


@dataclass(frozen=True)
class Noise:
    """The two noises with intervals, and the parameters of devices for these noises."""

    cycle: Interval  #: noise of a step, relative to the step [1]
    level: Interval  #: noise of a reading
    theta: np.ndarray  #: parameters (N, 4)
    copies: np.ndarray  #: parameters fitted to simulations of the same devices (R, N, 4), for their errors
    likelihood: float  #: log likelihood with the parameters of devices integrated out


def noise_of(curves: Curves, free: tuple[int, ...]) -> Noise:
    """Return cycle and level noise that maximise the integrated likelihood, with intervals from its
    curvature.

    The coordinates are variances, so the interval of an undetectable noise includes 0.
    """
    found = [start_of(curves, free)]
    sides = [i for i in (UP_STEP, DOWN_STEP) if i in free]
    step = float(np.median(found[0][:, sides]))
    unit = np.array([1.0, step])

    def loss(variances: np.ndarray) -> float:
        devices = score(curves, free, found[0], *(np.sqrt(variances) * unit), rounds=2)
        found[0] = devices.theta
        return min(-devices.integrated, 1e30)

    guess = np.log(first_noises(curves, found[0], step))
    limits = [(np.log(1e-6), np.log(100.0)), (np.log(1e-8), np.log(1e4))]
    best = minimize(
        lambda x: loss(np.exp(x)), guess, method="Nelder-Mead", bounds=limits,
        options={"initial_simplex": guess + 0.4 * np.eye(3, 2, k=-1), "xatol": 1e-2, "fatol": 1e-2},
    )  # fmt: skip
    x = np.exp(best.x)
    h = np.maximum(0.1 * x, 1e-4)
    errors = standard_errors(loss, np.maximum(x, 1.001 * h), h)
    cycle, level = (around(float(v), float(s)).root for v, s in zip(x, errors, strict=True))
    theta = score(curves, free, found[0], cycle.value, level.value * step, rounds=4).theta
    again = np.tile(theta, (COPIES, 1))
    simulated = simulate(again, cycle.value, level.value * step, curves, np.random.default_rng(0))
    copies = score(simulated, free, again, cycle.value, level.value * step, rounds=5).theta
    return Noise(cycle, level.times(step), theta, copies.reshape(COPIES, *theta.shape), -float(best.fun))


def first_noises(curves: Curves, theta: np.ndarray, step: float) -> np.ndarray:
    """Return rough variances of cycle noise [1] and level noise [step^2].

    Level noise makes the errors of successive increments anticorrelated, which separates the two.
    """
    y, d = _filled(curves.conductance), curves.direction[1:]
    steps = mean_change(theta, np.where(d == RESET, 0, d), y[:-1] - curves.middle)[0] / step
    missed = np.where(d == RESET, np.nan, np.diff(y, axis=0) / step - steps)
    level = max(-float(np.nanmean(missed[1:] * missed[:-1])), 1e-3)
    cycle = (float(np.nanmean(missed**2)) - 2 * level) / float(np.nanmean(steps**2))
    return np.array([max(cycle, 1e-3), level])
