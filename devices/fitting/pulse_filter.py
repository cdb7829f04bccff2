"""The likelihood of measured pulse curves under an affine law: a Kalman filter over pulses, for all devices.

A curve is a walk: what one pulse missed, all later readings miss.  So the independent observations are the
innovations, each reading less what the readings before it foretell, and not the readings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from memsim.devices.fitting.tables.directions import RESET

UP_STEP, UP_RATE, DOWN_STEP, DOWN_RATE = range(4)
"""Columns of a device's parameters: steps at `middle` [unit of G], and what a step loses with a unit of G."""


@dataclass(frozen=True)
class Curves:
    """Readings of N devices after each of K pulses, conductance in any one unit."""

    conductance: np.ndarray  #: (K, N); NaN where nothing was read
    direction: np.ndarray  #: (K, N): the pulse before the reading, +1 up, -1 down, 0 none, 2 a full reset
    middle: float  #: where the steps are stated
    proportional: bool = False  #: noise of a reading goes with the conductance, and is stated at `middle`

    def reading_noise(self, level: float, g: np.ndarray) -> np.ndarray | float:
        """Spread of a reading of devices that stand at g."""
        return level / self.middle * np.maximum(g, 1e-3 * self.middle) if self.proportional else level


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
        read  G + level xi, or G (1 + level xi / middle)

    Mean and variance of G are exact, its law is taken as normal.  The first reading, and the first after a
    full reset, is where a device starts: it has no innovation (0, of variance 1), as a missing one has none.
    """
    y, middle = curves.conductance, curves.middle
    shape = theta.shape[:-1]
    known = np.broadcast_to(np.isfinite(y[0]), shape).copy()
    m = np.where(known, y[0], middle)
    p = np.broadcast_to(curves.reading_noise(level, m) ** 2, shape).copy()
    errors, variances = (np.empty((len(y) - 1, *shape)) for _ in range(2))
    for k in range(1, len(y)):
        reset = curves.direction[k] == RESET
        known &= ~reset
        change, rate = mean_change(theta, np.where(reset, 0, curves.direction[k]), m - middle)
        m = m + change
        p = (1.0 - rate) ** 2 * p + cycle**2 * (change**2 + rate**2 * p)
        noise = curves.reading_noise(level, m) ** 2
        s = p + noise
        e = y[k] - m
        there = np.isfinite(e)
        read = there & known
        e = np.where(read, e, 0.0)
        gain = np.where(read, p / s, 0.0)
        m = np.where(there & ~known, y[k], m + gain * e)
        p = np.where(there & ~known, noise, (1.0 - gain) * p)
        known |= there
        errors[k - 1], variances[k - 1] = e, np.where(read, s, 1.0)
    return errors, variances


def read_after(curves: Curves) -> np.ndarray:
    """Whether a reading has an innovation, (K - 1, N): made, and not the first since a reset."""
    y = np.isfinite(curves.conductance)
    known, out = y[0].copy(), np.zeros_like(y[1:])
    for k in range(1, len(y)):
        known &= curves.direction[k] != RESET
        out[k - 1] = y[k] & known
        known |= y[k]
    return out


def log_likelihood(errors: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Of each device, (..., N), up to a constant; a reading that is missing adds nothing."""
    return -0.5 * (np.log(variances) + errors**2 / variances).sum(0)


def simulate(
    theta: np.ndarray, cycle: float, level: float, curves: Curves, rng: np.random.Generator
) -> Curves:
    """Curves of devices theta (R N, 4) under the law, pulsed and begun as N measured ones, R times each."""
    times = len(theta) // curves.conductance.shape[1]
    seen, direction = (np.tile(x, (1, times)) for x in (curves.conductance, curves.direction))
    known, g = np.isfinite(seen[0]), np.where(np.isfinite(seen[0]), seen[0], curves.middle)
    out = np.full_like(seen, np.nan)
    for k, d in enumerate(direction):
        known = known & (d != RESET)
        change, _ = mean_change(theta, np.where(d == RESET, 0, d), g - curves.middle)
        if k:
            g = g + change * (1.0 + cycle * rng.standard_normal(len(g)))
        there = np.isfinite(seen[k])
        g = np.where(there & ~known, seen[k], g)
        known = known | there
        noise = curves.reading_noise(level, g) * rng.standard_normal(len(g))
        out[k] = np.where(there, g + noise, np.nan)
    return replace(curves, conductance=out, direction=direction)
