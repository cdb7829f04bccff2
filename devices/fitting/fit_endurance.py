"""Fit of Weibull's law to cycles to failure, F(n) = 1 - exp(-(n / N)^k), with censoring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from memsim.devices.fitting.estimates import Interval, standard_errors
from memsim.devices.fitting.measurements import FailureTable, check_support

FAILURES = 5  #: smallest number of devices that have failed


@dataclass(frozen=True)
class EnduranceFit:
    """Result of a fit of endurance: N [cycles], by which 63.2 % have failed, and the modulus k [1]."""

    measured: FailureTable
    numbers: dict[str, Interval]
    warnings: list[str]


def fit_endurance(table: FailureTable) -> EnduranceFit:
    """Fit N and k by maximum likelihood; devices that have not failed are censored.

    Raises ValueError for fewer than 5 failures.
    """
    n, failed = table.cycles, table.failed
    if failed.sum() < FAILURES:
        check_support([f"endurance [cycles]: {failed.sum()} devices failed, {FAILURES} or more are needed"])
    x = np.log(n)

    def loss(p: np.ndarray) -> float:
        z = np.exp(p[1]) * (x - p[0])
        return float(-(failed * (p[1] + z)).sum() + np.exp(np.minimum(z, 600)).sum())

    start = np.array([x[failed].mean() + 0.5, np.log(1.2 / max(float(x[failed].std()), 0.05))])
    found = minimize(
        loss, start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000}
    )
    errors = standard_errors(loss, found.x, np.full(2, 1e-3))
    scale, shape = (
        Interval(*(float(np.exp(v + side * 1.96 * e)) for side in (0, -1, 1)))
        for v, e in zip(found.x, errors, strict=True)
    )
    return EnduranceFit(table, {"endurance [cycles]": scale, "endurance_shape": shape}, [])
