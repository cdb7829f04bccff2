"""Fit of relaxation to retention curves: G(t) = G_P + a ln t + (b ln t + c) xi, with one xi for each device.

A line in ln t is fitted to each device by least squares, from 1 s on; its slope is a + b xi.  If devices were
read before 1 s, c is the spread of the change from the first reading until 1 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from memsim.devices.fitting.estimates import Interval, population
from memsim.devices.fitting.fit import DEVICES, few_words
from memsim.devices.fitting.measurements import RetentionCurves, check_support
from memsim.devices.fitting.pulse_numbers import round_to
from memsim.devices.fitting.residuals import MISFIT

TIMES = 3  #: smallest number of readings of a device from 1 s on


@dataclass(frozen=True)
class RelaxationFit:
    """Result of a fit of relaxation."""

    measured: RetentionCurves
    numbers: dict[str, Interval]
    fixed: dict[str, float]
    not_measured: tuple[str, ...]
    slope: np.ndarray  #: slope of each device in ln t (N,) [S]
    start: np.ndarray  #: conductance of each device at 1 s (N,) [S]
    warnings: list[str]

    @property
    def section(self) -> dict[str, Any]:
        """The ``[weight]`` table of a device card."""
        return self.fixed | {key: float(f"{i.value:.6g}") for key, i in self.numbers.items()}


def fit_relaxation(curves: RetentionCurves) -> RelaxationFit:
    """Fit relaxation with ln t.

    Raises ValueError for fewer than 3 readings of a device from 1 s on, and for several temperatures.
    """
    g, t = curves.conductance, curves.time
    if curves.several:
        check_support(
            ["relaxation [S] at several temperatures: fit each alone, or a power law to all of them"]
        )
    late = np.isfinite(g) & (t >= 1.0)
    fewest = int(late.sum(0).min())
    if fewest < TIMES:
        check_support([f"relaxation [S]: {fewest} readings of some device from 1 s on, {TIMES} are needed"])
    x = np.where(late, np.log(np.maximum(np.nan_to_num(t, nan=1.0), 1.0)), 0.0)
    y, n = np.where(late, g, 0.0), late.sum(0)
    mx, my = x.sum(0) / n, y.sum(0) / n
    dx = np.where(late, x - mx, 0.0)
    size = (dx**2).sum(0)
    slope = (dx * y).sum(0) / size
    start = my - slope * mx
    rest = np.where(late, y - start - slope * x, np.nan)
    freedom = max(int((n - 2).sum()), 1)
    noise = float(np.sqrt(np.nansum(rest**2) / freedom))
    signs = np.array([[1.0], [-1.0]])
    mean, spread = population(slope, slope + noise / np.sqrt(size) * signs)
    numbers = {"relaxation [S]": mean}
    missing: tuple[str, ...] = ()
    if len(slope) >= DEVICES:
        numbers["relaxation_spread [S]"] = spread
        numbers |= _at_one_second(curves, start, noise * np.sqrt(1 / n + mx**2 / size), noise)
    else:
        missing = ("relaxation_spread [S]", "relaxation_spread_1s [S]")
    fixed = {"g_max [S]": round_to(float(np.nanmax(g)), up=True)}
    words = few_words(len(slope), missing) + _warnings(rest, slope, start, noise)
    return RelaxationFit(curves, numbers, fixed, missing, slope, start, words)


def _at_one_second(
    curves: RetentionCurves, start: np.ndarray, error: np.ndarray, noise: float
) -> dict[str, Interval]:
    """Return the spread of the change until 1 s; empty unless every device was read before 1 s."""
    early = np.where(curves.time < 1.0, curves.conductance, np.nan)
    if np.isnan(early[0]).any():
        return {}
    change = start - early[0]
    _, spread = population(change, change + np.hypot(error, noise) * np.array([[1.0], [-1.0]]))
    return {"relaxation_spread_1s [S]": spread}


def _warnings(rest: np.ndarray, slope: np.ndarray, start: np.ndarray, noise: float) -> list[str]:
    """Return warnings on misfits of the mean over devices, and on slopes that depend on the conductance."""
    out = []
    count = np.isfinite(rest).sum(1)
    off = np.abs(np.nansum(rest, 1)) / np.maximum(np.sqrt(count) * max(noise, 1e-30), 1e-30)
    if off.max() > MISFIT:
        out.append(
            f"a line in ln t misses the devices' mean by {off.max():.1f} standard errors: do not trust the"
            " intervals"
        )
    x = start - start.mean()
    if len(slope) > 3 and (x**2).sum() > 0:
        b = float((x * slope).sum() / (x**2).sum())
        left = slope - slope.mean() - b * x
        sure = float(np.sqrt((left**2).sum() / (len(slope) - 2) / (x**2).sum()))
        if abs(b) > MISFIT * sure:
            out.append(
                f"relaxation depends on the conductance level: its slope changes by {b:.2g} +- {sure:.1g} S"
                " per S of the first reading, and a card has one slope for all levels; fit a card to each"
                " level, from a table of its own"
            )
    return out
