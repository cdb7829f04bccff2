"""Fit I = G V_ref sinh(V / V_0) / sinh(V_ref / V_0) to measured currents, G of each sweep its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from memsim.devices.fitting.estimates import Interval
from memsim.devices.fitting.measurements import CurrentTable, check_support
from memsim.devices.fitting.pulse_numbers import round_to
from memsim.devices.fitting.residuals import MISFIT

POINTS = 5  #: fewest voltages of a sweep


@dataclass(frozen=True)
class CurveFit:
    """A fitted I-V curve."""

    measured: CurrentTable
    numbers: dict[str, Interval]
    fixed: dict[str, float]
    conductance: np.ndarray  #: of each sweep at v_ref (N,) [S]
    residuals: np.ndarray  #: ln of current over law, (R,)
    warnings: list[str]

    @property
    def section(self) -> dict[str, Any]:
        """The ``[weight]`` table of a device card."""
        return self.fixed | {key: float(f"{i.value:.6g}") for key, i in self.numbers.items()}


def fit_iv(table: CurrentTable, v_ref: float = 0.2) -> CurveFit:
    """Fit V_0 to currents whose logarithms have one noise; v_ref [V]: where conductances are stated.

    Its interval comes from sweeps as wholes (their own V_0 differ) where there are three or more.  Raises
    ValueError for sweeps that are too short or do not bend.
    """
    use = (np.abs(table.voltage) > 1e-3) & (table.voltage * table.current > 0)
    v, i, which = np.abs(table.voltage[use]), np.abs(table.current[use]), table.which[use]
    counts = np.bincount(which, minlength=len(table.devices))
    if counts.min() < POINTS:
        check_support([
            f"v_0 [V]: {counts.min()} voltages with a current of their sign on"
            f" {table.devices[counts.argmin()]}, {POINTS} or more are needed"
        ])  # fmt: skip
    if v.max() < 1.5 * v.min():
        check_support([f"v_0 [V]: voltages from {v.min():g} to {v.max():g} V: half as much again is needed"])

    def rest(v_0: float, mine: np.ndarray) -> np.ndarray:
        log = np.log(i[mine]) - _log_sinh(v[mine] / v_0)
        sums = np.bincount(which[mine], log, len(counts)) / np.maximum(
            np.bincount(which[mine], minlength=len(counts)), 1
        )
        return log - sums[which[mine]]

    def best(mine: np.ndarray) -> float:
        found = minimize_scalar(
            lambda x: float((rest(float(np.exp(x)), mine) ** 2).sum()),
            bounds=(np.log(0.02), np.log(50.0)), method="bounded", options={"xatol": 1e-6},
        )  # fmt: skip
        return float(np.exp(found.x))

    everything = np.ones(len(v), bool)
    v_0 = best(everything)
    if v_0 > 20.0:
        check_support([f"v_0 [V]: currents up to {v.max():g} V go with the voltage: no curve is seen"])
    left = rest(v_0, everything)
    own = np.log([best(which == n) for n in range(len(counts))])
    error = _error(v_0, left, rest, everything, own, len(counts))
    interval = Interval(v_0, v_0 * np.exp(-1.96 * error), v_0 * np.exp(1.96 * error))
    level = np.log(i) - _log_sinh(v / v_0) + _log_sinh(np.array(v_ref / v_0)) - np.log(v_ref)
    g = np.exp(np.bincount(which, level) / counts)
    fixed = {"g_max [S]": round_to(float(g.max()), up=True), "v_ref [V]": v_ref}
    return CurveFit(table, {"v_0 [V]": interval}, fixed, g, left, _warnings(v, left))


def _log_sinh(x: np.ndarray) -> np.ndarray:
    return x + np.log1p(-np.exp(-2 * x)) - np.log(2.0)


def _error(v_0, left, rest, everything, own, count) -> float:
    """Standard error of ln V_0: over sweeps where there are three or more, else of the residuals."""
    if count >= 3:
        return max(float(np.std(own, ddof=1)) / np.sqrt(count), 1e-4) * 1.3
    slope = (rest(v_0 * 1.01, everything) - rest(v_0 / 1.01, everything)) / (2 * np.log(1.01))
    freedom = max(len(left) - count - 1, 1)
    return max(float(np.sqrt((left**2).sum() / freedom / (slope**2).sum())), 1e-4)


def _warnings(v: np.ndarray, left: np.ndarray) -> list[str]:
    worst = 0.0
    for part in np.array_split(np.argsort(v, kind="stable"), 6):
        if len(part) > 2:
            worst = max(
                worst, abs(float(left[part].mean())) / max(float(left.std()), 1e-12) * np.sqrt(len(part))
            )
    if worst <= MISFIT:
        return []
    return [f"a sinh misses the currents of some voltages by {worst:.1f} standard errors; see the picture"]
