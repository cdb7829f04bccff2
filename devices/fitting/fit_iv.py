"""Fit of an I-V curve, a sinh or a cubic, to measured currents, with a separate G for each sweep.

ln I = ln G + shape(V) + noise, with equal noise at all voltages; the shapes are those of
:mod:`memsim.devices.fitting.iv_laws`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import t as student

from memsim.devices.fitting.estimates import Interval
from memsim.devices.fitting.iv_laws import LAWS, IVLaw
from memsim.devices.fitting.measurements import CurrentTable, check_support
from memsim.devices.fitting.pulse_numbers import round_to
from memsim.devices.fitting.residuals import MISFIT

POINTS = 5  #: smallest number of voltages of a sweep
SURE = 1e-4  #: smallest error of u, so that no interval has width 0


@dataclass(frozen=True)
class CurveFit:
    """Result of a fit of an I-V curve."""

    measured: CurrentTable
    law: str  #: "sinh" or "cubic"
    u: float  #: parameter of that law, see `IVLaw`
    numbers: dict[str, Interval]
    fixed: dict[str, float]
    conductance: np.ndarray  #: conductance of each sweep at v_ref (N,) [S]
    residuals: np.ndarray  #: logarithm of measured over fitted current (R,)
    warnings: list[str]

    @property
    def section(self) -> dict[str, Any]:
        """The ``[weight]`` table of a device card."""
        return self.fixed | {key: float(f"{i.value:.6g}") for key, i in self.numbers.items()}

    def currents(self, v: np.ndarray) -> np.ndarray:
        """Return the currents of every sweep (N, V) [A] at voltages v (V,) of 0 or more [V]."""
        law, v_ref, top = LAWS[self.law], self.fixed["v_ref [V]"], self.fixed["v_max [V]"]
        rise = law.shape(np.maximum(v, 1e-9) / top, self.u) - law.shape(np.array(v_ref / top), self.u)
        return self.conductance[:, None] * v_ref * np.exp(rise)


@dataclass(frozen=True)
class _Sweeps:
    """Readings whose current has the sign of the voltage."""

    x: np.ndarray  #: voltage divided by the highest voltage (R,) [1]
    log: np.ndarray  #: ln of the current [A]
    which: np.ndarray
    count: int
    top: float  #: highest voltage [V]

    def rest(self, law: IVLaw, u: float, mine: np.ndarray) -> np.ndarray:
        """Return the residuals of some readings, with the mean of each sweep subtracted."""
        left = self.log[mine] - law.shape(self.x[mine], u)
        number = np.maximum(np.bincount(self.which[mine], minlength=self.count), 1)
        return left - (np.bincount(self.which[mine], left, self.count) / number)[self.which[mine]]

    def best(self, law: IVLaw, mine: np.ndarray) -> float:
        """Return the parameter u with the least squares."""
        found: Any = minimize_scalar(
            lambda u: float((self.rest(law, u, mine) ** 2).sum()),
            bounds=law.ends, method="bounded", options={"xatol": 1e-6},
        )  # fmt: skip
        return float(found.x)

    def fitted(self, law: IVLaw) -> tuple[float, np.ndarray, Interval]:
        """Return u, the residuals, and the interval of u.

        With three or more sweeps the interval comes from the differences between sweeps, else from the
        residuals.
        """
        everything = np.ones(len(self.x), bool)
        u = self.best(law, everything)
        left = self.rest(law, u, everything)
        if self.count >= 3:
            own = np.array([self.best(law, self.which == n) for n in range(self.count)])
            reach = float(student.ppf(0.975, self.count - 1) * own.std(ddof=1) / np.sqrt(self.count))
        else:
            h = 0.01
            slope = (self.rest(law, u + h, everything) - self.rest(law, u - h, everything)) / (2 * h)
            freedom = max(len(left) - self.count - 1, 1)
            size = max(float((slope**2).sum()), 1e-30)
            reach = float(student.ppf(0.975, freedom) * np.sqrt((left**2).sum() / freedom / size))
        reach = max(reach, SURE)
        return u, left, Interval(u, u - reach, u + reach)


def fit_iv(table: CurrentTable, v_ref: float = 0.2, law: str | None = None) -> CurveFit:
    """Fit an I-V curve to currents and return the result.

    law: "sinh" or "cubic"; default: the one with smaller residuals.  v_ref [V]: voltage for which
    conductances are stated, limited to the highest voltage measured.  Raises ValueError for sweeps that are
    too short or do not deviate from a straight line, and for a sinh if the curves bend down.
    """
    sweeps = _sweeps(table)
    found = {name: sweeps.fitted(one) for name, one in LAWS.items()}
    _, _, cubic = found["cubic"]
    low, high = (LAWS["cubic"].bend(end) for end in (cubic.low, cubic.high))
    if low <= 0 <= high:
        check_support([
            f"{LAWS[law or 'sinh'].key}: currents up to {sweeps.top:g} V are proportional to the voltage: no"
            " curvature is seen; sweep to a higher voltage, or leave the I-V curve out of the card"
        ])  # fmt: skip
    if law == "sinh" and high < 0:
        check_support(["v_0 [V]: currents bend down, and a sinh bends up: --law cubic"])
    squares = {name: float((left**2).sum()) for name, (_, left, _) in found.items()}
    name = law or min(squares, key=lambda one: squares[one])
    chosen, (u, left, interval) = LAWS[name], found[name]
    ends = sorted(chosen.number(end, sweeps.top) for end in (interval.low, interval.high))
    top = sweeps.top
    v_ref = v_ref if v_ref <= top else round_to(top, down=True)
    level = sweeps.log - chosen.shape(sweeps.x, u) + chosen.shape(np.array(v_ref / top), u) - np.log(v_ref)
    g = np.exp(np.bincount(sweeps.which, level) / np.bincount(sweeps.which))
    fixed = {"g_max [S]": round_to(float(g.max()), up=True), "v_ref [V]": v_ref, "v_max [V]": top}
    numbers = {chosen.key: Interval(chosen.number(u, top), *ends)}
    return CurveFit(table, name, u, numbers, fixed, g, left, _warnings(name, squares, sweeps.x, left))


def _sweeps(table: CurrentTable) -> _Sweeps:
    """Return readings whose current has the sign of the voltage. Raises ValueError if they are too few."""
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
    return _Sweeps(v / v.max(), np.log(i), which, len(counts), float(v.max()))


def _warnings(name: str, squares: dict[str, float], x: np.ndarray, left: np.ndarray) -> list[str]:
    """Return warnings on misfits, and on the other law if it is as likely."""
    worst, out = 0.0, []
    for part in np.array_split(np.argsort(x, kind="stable"), 6):
        if len(part) > 2:
            off = abs(float(left[part].mean())) / max(float(left.std()), 1e-12) * np.sqrt(len(part))
            worst = max(worst, off)
    if worst > MISFIT:
        out = [
            f"a {name} misses the currents of some voltages by {worst:.1f} standard errors; see the picture"
        ]
    other = next(one for one in squares if one != name)
    gain = 0.5 * len(left) * np.log(max(squares[other], 1e-300) / max(squares[name], 1e-300))
    if gain < 1.92:
        out.append(
            f"a {other} is as good as the {name} in the card: readings at higher voltages would decide"
            " between them"
        )
    return out
