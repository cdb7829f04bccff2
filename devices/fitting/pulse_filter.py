"""The likelihood of measured pulse curves under an affine law: a Kalman filter over pulses, for all devices.

A curve is a walk: what one pulse missed, all later readings miss.  So the independent observations are the
innovations, each reading less what the readings before it foretell, and not the readings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UP_STEP, UP_RATE, DOWN_STEP, DOWN_RATE = range(4)
"""Columns of a device's parameters: steps at `middle` [unit of G], and what a step loses with a unit of G."""


@dataclass(frozen=True)
class Curves:
    """Readings of N devices after each of K pulses, conductance in any one unit."""

    conductance: np.ndarray  #: (K, N); NaN where nothing was read
    direction: np.ndarray  #: (K, N): the pulse before the reading, +1 up, -1 down, 0 none
    middle: float  #: where the steps are stated


def mean_change(theta: np.ndarray, d: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What one pulse does to G in the mean at a distance g from `middle`, and the rate it does so at; devices
    with parameters theta (..., N, 4), direction d of each, 0 for no pulse.
    """
    step, rate = (np.where(d > 0, theta[..., i], theta[..., i + 2]) for i in (UP_STEP, UP_RATE))
    rate = np.where(d == 0, 0.0, rate)
    return d * step - rate * g, rate


def innovations(
    theta: np.ndarray, cycle: float, level: float, curves: Curves
) -> tuple[np.ndarray, np.ndarray]:
    """Innovations and their variances, (K - 1, ..., N), of devices with parameters theta (..., N, 4).

        up    G <- G + s (1 + c xi),  s = s_up - a_up (G - middle)
        down  G <- G - s (1 + c xi),  s = s_down + a_down (G - middle)
        read  G + level xi

    Mean and variance of G are exact, its law is taken as normal.  The first reading is where a device starts.
    """
    y, middle = curves.conductance, curves.middle
    m = np.broadcast_to(y[0], theta.shape[:-1]).copy()
    p = np.full_like(m, level**2)
    errors, variances = (np.empty((len(y) - 1, *m.shape)) for _ in range(2))
    for k in range(1, len(y)):
        change, rate = mean_change(theta, curves.direction[k], m - middle)
        m = m + change
        p = (1.0 - rate) ** 2 * p + cycle**2 * (change**2 + rate**2 * p)
        s = p + level**2
        e = y[k] - m
        read = np.isfinite(e)
        e = np.where(read, e, 0.0)
        gain = np.where(read, p / s, 0.0)
        m = m + gain * e
        p = (1.0 - gain) * p
        errors[k - 1], variances[k - 1] = e, np.where(read, s, 1.0)
    return errors, variances


def log_likelihood(errors: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Of each device, (..., N), up to a constant; a reading that is missing adds nothing."""
    return -0.5 * (np.log(variances) + errors**2 / variances).sum(0)


def simulate(
    theta: np.ndarray, cycle: float, level: float, curves: Curves, rng: np.random.Generator
) -> Curves:
    """Curves of devices theta (R N, 4) under the law, pulsed and begun as N measured ones, R times each."""
    times = len(theta) // curves.conductance.shape[1]
    seen, direction = (np.tile(x, (1, times)) for x in (curves.conductance, curves.direction))
    g = seen[0].copy()
    out = np.full_like(seen, np.nan)
    for k, d in enumerate(direction):
        change, _ = mean_change(theta, d, g - curves.middle)
        if k:
            g = g + change * (1.0 + cycle * rng.standard_normal(len(g)))
        out[k] = np.where(np.isfinite(seen[k]), g + level * rng.standard_normal(len(g)), np.nan)
    return Curves(out, direction, curves.middle)
