"""Each measured device's steps under an affine law, and the two noises common to all.

A device has two numbers for each direction, found by Fisher scoring.  The noises maximise the likelihood with
the devices' numbers integrated out (Laplace), so that these cost no bias.
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

COPIES = 8  #: times that every device is simulated


@dataclass(frozen=True)
class Devices:
    """Every device's own parameters, the information on the free ones, and how likely they make the data."""

    theta: np.ndarray  #: (N, 4)
    information: np.ndarray  #: (N, free, free)
    likelihood: np.ndarray  #: log, (N,)

    @property
    def integrated(self) -> float:
        """Log likelihood with the devices' parameters integrated out (Laplace, flat prior)."""
        sign, size = np.linalg.slogdet(self.information)
        return float((self.likelihood - 0.5 * size).sum()) if (sign > 0).all() else -np.inf


def score(
    curves: Curves, free: tuple[int, ...], start: np.ndarray, cycle: float, level: float, rounds: int
) -> Devices:
    """The most likely parameters of each device under given noise, by damped Fisher scoring from `start`."""
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
    """Log likelihood of each device (N,), its gradient and expected curvature over the free parameters."""
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
    """Least squares of each device's increments on where they began, (N, 4): a place to start from."""
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
    """Readings with those between that were not made on a line, NaN after a device's last."""
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
    """The two noises with intervals, and the devices as they are found under them."""

    cycle: Interval
    level: Interval
    theta: np.ndarray  #: (N, 4)
    copies: np.ndarray  #: the same devices simulated and found again, (R, N, 4): what an error does
    likelihood: float  #: log, the devices' numbers integrated out


def noise_of(curves: Curves, free: tuple[int, ...]) -> Noise:
    """Cycle and level noise that maximise the integrated likelihood; intervals from its curvature.

    Variances are the coordinates, so that a noise too weak to be seen has an interval that reaches 0.
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
    """Rough variances of cycle noise [1] and level noise [step^2]: what an increment misses by the level, the
    next one makes good.
    """
    y, d = _filled(curves.conductance), curves.direction[1:]
    steps = mean_change(theta, np.where(d == RESET, 0, d), y[:-1] - curves.middle)[0] / step
    missed = np.where(d == RESET, np.nan, np.diff(y, axis=0) / step - steps)
    level = max(-float(np.nanmean(missed[1:] * missed[:-1])), 1e-3)
    cycle = (float(np.nanmean(missed**2)) - 2 * level) / float(np.nanmean(steps**2))
    return np.array([max(cycle, 1e-3), level])
