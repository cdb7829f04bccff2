"""Tests of residuals: of their mean along the curves, their dependence on conductance, and their
distribution.

mean     largest mean residual of a quarter of the pulses in a direction, in standard errors
growth   slope of the squared residuals against ln G, in standard errors; positive if noise grows with G
tails    excess kurtosis, in units of its standard error for a normal distribution, sqrt(24 / n)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MISFIT = 4.5  #: number of standard errors above which a test reports a misfit


@dataclass(frozen=True)
class Tests:
    """Results of the tests of standardised residuals, in standard errors."""

    mean: float
    growth: float
    tails: float

    @property
    def words(self) -> list[str]:
        """One sentence for each test that reports a misfit."""
        out = []
        if self.mean > MISFIT:
            out.append(
                f"the law misses a stretch of the curves by {self.mean:.1f} standard errors: try another law,"
                " and do not trust the intervals"
            )
        if abs(self.growth) > MISFIT:
            way = "larger" if self.growth > 0 else "smaller"
            out.append(
                f"residuals are {way} at high conductance ({abs(self.growth):.1f} standard errors): the noise"
                " of a reading is neither constant nor proportional to the conductance; see the picture"
            )
        if self.tails > MISFIT:
            out.append(
                f"residuals have heavier tails than a normal distribution ({self.tails:.1f} standard errors):"
                " are there jumps or wrong readings? The intervals of the noise are too narrow"
            )
        return out


def tested(residuals: np.ndarray, direction: np.ndarray, conductance: np.ndarray) -> Tests:
    """Test standardised residuals (K - 1, N); direction (K, N), conductance (K, N) [S]."""
    there = np.isfinite(residuals)
    z = residuals[there]
    g = np.log(np.maximum(conductance[1:][there], 1e-3 * np.nanmax(conductance)))
    if len(z) < 20:
        return Tests(0.0, 0.0, 0.0)
    x = g - g.mean()
    scale = np.sqrt(max(float(z.var()), 1e-30))
    square = (z / scale) ** 2
    growth = float((x * (square - 1)).sum() / np.sqrt(np.maximum((x**2).sum(), 1e-30) * square.var()))
    tails = float(((z - z.mean()) ** 4).mean() / z.var() ** 2 - 3) / np.sqrt(24 / len(z))
    return Tests(_worst_mean(residuals, direction), growth, tails)


def _worst_mean(residuals: np.ndarray, direction: np.ndarray) -> float:
    worst = 0.0
    for side in (1, -1):
        rows = np.flatnonzero((direction[1:] == side).any(1))
        for part in np.array_split(rows, 4):
            found = residuals[part][direction[1:][part] == side]
            found = found[np.isfinite(found)]
            if len(found) > 1:
                worst = max(worst, abs(float(found.mean())) * np.sqrt(len(found)))
    return float(worst)
