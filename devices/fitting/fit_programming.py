"""Fit of the programming error to targets and read-backs: sigma(G) = c0 + c1 x + c2 x^2, x = G / g_max.

The model is G - G_T = bias + sigma(G_T) xi, with the mean error of each target subtracted.  A significant
bias gives a warning, because a card has no number for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from memsim.devices.fitting.estimates import Interval, standard_errors
from memsim.devices.fitting.measurements import ProgrammingTable, check_support
from memsim.devices.fitting.pulse_numbers import round_to

WRITES = 20  #: smallest number of writes


@dataclass(frozen=True)
class ProgrammingFit:
    """Result of a fit of programming errors."""

    measured: ProgrammingTable
    numbers: dict[str, Interval]  #: c0, c1, ... [S]
    fixed: dict[str, float]
    bias: Interval  #: mean error of a write [S]
    warnings: list[str]

    @property
    def section(self) -> dict[str, Any]:
        """The ``[weight]`` table of a device card."""
        return self.fixed | {"programming [S]": [float(f"{i.value:.6g}") for i in self.numbers.values()]}


def fit_programming(table: ProgrammingTable) -> ProgrammingFit:
    """Fit the spread of writes by maximum likelihood; the degree, 0 to 2, is chosen by AIC.

    Raises ValueError for fewer than 20 writes.
    """
    error, target = table.read - table.target, table.target
    if len(error) < WRITES:
        check_support([f"programming [S]: {len(error)} writes, {WRITES} or more are needed"])
    top = round_to(float(max(target.max(), table.read.max())), up=True)
    levels, which = np.unique(target, return_inverse=True)
    counts = np.bincount(which)
    means = np.bincount(which, error) / counts
    own = counts >= 5  # targets with enough writes for a separate mean
    centred = error - np.where(own[which], means[which], error.mean())
    freedom = float(np.sqrt(len(error) / max(len(error) - own.sum() - (~own).any(), 1)))
    x, unit = target / top, max(float(centred.std()), 1e-15)
    degrees = range(min(len(levels), 3))
    fits = [_spread(x, centred * freedom / unit, degree) for degree in degrees]
    _, c, s = min(fits, key=lambda one: one[0] + len(one[1]))
    numbers = {
        f"programming c{k} [S]": Interval(v * unit, (v - 1.96 * e) * unit, (v + 1.96 * e) * unit)
        for k, (v, e) in enumerate(zip(c, s, strict=True))
    }
    mean, sure = float(error.mean()), float(error.std(ddof=1) / np.sqrt(len(error)))
    bias = Interval(mean, mean - 1.96 * sure, mean + 1.96 * sure)
    out = []
    if abs(mean) > 4.5 * sure:
        out.append(
            f"writes miss their targets by {mean:.3g} S on average (95 %: {bias.low:.3g} to {bias.high:.3g}):"
            " a card has no field for it; correct your targets by this error"
        )
    return ProgrammingFit(table, numbers, {"g_max [S]": top}, bias, out)


def spread_of(c: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return sigma at x for coefficients c, at least a thousandth of its largest value."""
    sigma = sum(v * x**k for k, v in enumerate(c))
    return np.maximum(sigma, 1e-3 * float(np.abs(sigma).max()) + 1e-12)


def _spread(x: np.ndarray, z: np.ndarray, degree: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the loss, the coefficients and their standard errors for a polynomial of this degree."""

    def loss(c: np.ndarray) -> float:
        sigma = spread_of(c, x)
        grid = sum(v * np.linspace(0, 1, 21) ** k for k, v in enumerate(c))
        penalty = 1e4 * float(np.minimum(grid, 0.0).__pow__(2).sum())  # keeps sigma positive in the range
        return float((np.log(sigma) + 0.5 * (z / sigma) ** 2).sum()) + penalty

    start = np.zeros(degree + 1)
    start[0] = 1.0
    found = minimize(
        loss, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-6, "maxiter": 4000}
    )
    return float(found.fun), found.x, standard_errors(loss, found.x, np.full(degree + 1, 1e-3))
