"""The likelihood of measured pulse curves under an affine law, by a Kalman filter over pulses for all
devices.

The error of a step persists in all later readings.  The independent observations are therefore the
innovations, the differences between readings and their predictions from the readings before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from memsim.devices.fitting.tables.directions import RESET

UP_STEP, UP_RATE, DOWN_STEP, DOWN_RATE = range(4)
"""Columns of the parameters of a device: steps at `middle` [unit of G], and decrease of the step per unit
of G.
"""


@dataclass(frozen=True)
class Curves:
    """Readings of N devices after each of K pulses, with conductances in an arbitrary unit."""

    conductance: np.ndarray  #: (K, N); NaN for missing readings
    direction: np.ndarray  #: (K, N): the pulse before the reading, +1 up, -1 down, 0 none, 2 a full reset
    middle: float  #: conductance for which steps are stated
    proportional: bool = (
        False  #: whether read noise is proportional to the conductance, and stated at `middle`
    )

    def reading_noise(self, level: float, g: np.ndarray) -> np.ndarray | float:
        """Return the standard deviation of a reading at conductance g."""
        return level / self.middle * np.maximum(g, 1e-3 * self.middle) if self.proportional else level


def mean_change(theta: np.ndarray, d: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean change of G by one pulse, and its decrease per unit of G.

    theta (..., N, 4): parameters of devices; d: direction of the pulse, 0 for none; g: difference to
    `middle`.
    """
    step, rate = (np.where(d > 0, theta[..., i], theta[..., i + 2]) for i in (UP_STEP, UP_RATE))
    rate = np.where(d == 0, 0.0, rate)
    return d * step - rate * g, rate


def innovations(
    theta: np.ndarray, cycle: float, level: float, curves: Curves
) -> tuple[np.ndarray, np.ndarray]:
    """Return innovations and their variances, (K - 1, ..., N), for parameters theta (..., N, 4).

        up    G <- G + s (1 + c xi),  s = s_up - a_up (G - middle)
        down  G <- G - s (1 + c xi),  s = s_down + a_down (G - middle)
        read  G + level xi, or G (1 + level xi / middle)

    Mean and variance of G are exact; its distribution is approximated as normal.  The first reading, and the
    first after a full reset, defines the state of a device.  It has no innovation (0 with variance 1);
    neither has a missing reading.
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
    """Return which readings have an innovation, bool (K - 1, N): not missing and not the first after a
    reset.
    """
    y = np.isfinite(curves.conductance)
    known, out = y[0].copy(), np.zeros_like(y[1:])
    for k in range(1, len(y)):
        known &= curves.direction[k] != RESET
        out[k - 1] = y[k] & known
        known |= y[k]
    return out


def log_likelihood(errors: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Return the log likelihood of each device (..., N), up to a constant."""
    return -0.5 * (np.log(variances) + errors**2 / variances).sum(0)


def simulate(
    theta: np.ndarray, cycle: float, level: float, curves: Curves, rng: np.random.Generator
) -> Curves:
    """Simulate curves of devices theta (R N, 4) with the pulses and initial readings of N measured
    devices.
    """
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
