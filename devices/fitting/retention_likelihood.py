"""Maximum-likelihood estimates of drift: t_0, E and variances, each with the 95 % interval of its profile
likelihood.

Intervals from the curvature at the maximum would be too narrow, because the likelihood of t_0 is skewed if
there is also a random walk, which depends on the same t_0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from memsim.devices.fitting.estimates import Interval, profile
from memsim.devices.fitting.retention_steps import Clock, Steps, Variances

LN_T_0, FLICKER, READ, WALK, ENERGY = 0, 2, 3, 4, 5  #: indices of the parameters
LONGEST = (1e-6, 1e9)  #: range of t_0 in the search [s]
STRONGEST = 5.0  #: largest activation energy in the search [eV]


class Likely(NamedTuple):
    """Maximum-likelihood estimates with their intervals."""

    clock: Clock
    at: Variances
    t_0: Interval | None  #: None if it was given
    energy: Interval | None  #: None if all devices have the same temperature
    flicker: Interval  #: Q [1]
    read: Interval  #: r [1]
    walk: Interval  #: w [1]


@dataclass(frozen=True)
class _Loss:
    """Minus the log likelihood of (ln t_0 - ln of a guess, four variances in their units, E)."""

    steps: Steps
    unit: np.ndarray
    guess: float  #: t_0 to which ln t_0 is relative, or the t_0 that was given [s]

    def clock(self, x: np.ndarray) -> Clock:
        return Clock(self.guess * float(np.exp(x[LN_T_0])), float(x[ENERGY]))

    def variances(self, x: np.ndarray) -> Variances:
        return Variances(*(float(v) for v in self.unit * x[1:ENERGY]))

    def __call__(self, x: np.ndarray) -> float:
        return self.steps.loss(self.clock(x), self.variances(x))


def most_likely(steps: Steps, t_0: float | None, activated: bool) -> Likely:
    """Return the maximum-likelihood estimates.

    t_0 [s]: given value; None: it is fitted.  activated: whether E is fitted.
    """
    guess = max(float(np.median(steps.time[:, 0])), 1e-3) if t_0 is None else t_0
    loss = _Loss(steps, steps.units(), guess)
    bounds = [(0.0, 0.0) if t_0 is not None else tuple(np.log(np.array(LONGEST) / guess).tolist())]
    bounds += [(0.0, 1e4), *[(0.0, 1e3)] * 3, (0.0, STRONGEST if activated else 0.0)]
    start = np.array([0.0, 1.0, 0.2, 0.1, 0.1, 0.5 if activated else 0.0])
    starts = [start, start + 3 * np.eye(6)[LN_T_0]] if t_0 is None else [start]
    best = min((minimize(loss, s, method="L-BFGS-B", bounds=bounds) for s in starts), key=lambda f: f.fun).x
    shift = best[LN_T_0]
    loss, best = replace(loss, guess=loss.clock(best).t_0), best - shift * np.eye(6)[LN_T_0]
    bounds[LN_T_0] = tuple(end - shift for end in bounds[LN_T_0])

    def ends(k: int) -> Interval:
        return Interval(float(best[k]), *profile(loss, best, k, bounds))

    unit = loss.unit
    spreads = (ends(k).times(float(unit[k - 1])).root for k in (FLICKER, READ, WALK))
    when = None if t_0 is not None else Interval(*(loss.guess * float(np.exp(v)) for v in ends(LN_T_0)))
    energy = ends(ENERGY) if activated else None
    return Likely(loss.clock(best), loss.variances(best), when, energy, *spreads)
