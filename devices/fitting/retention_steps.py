"""Differences between successive readings of drifting devices, and their likelihood.

Differences of ln G do not depend on the unknown level of a device.  The noise B has the spectrum 1/f from
1 / (min(t, t') + t_0 + t_read) to 1 / (2 t_read), so for readings at t and t':

    cov(B(t), B(t')) = Ci(2 pi |t - t'| / (2 t_read)) - Ci(2 pi |t - t'| / (min(t, t') + t_0 + t_read))
    var(B(t))        = ln((t + t_0 + t_read) / (2 t_read))

Ci is the cosine integral; the covariance is the integral of cos(2 pi f |t - t'|) / f over the band.

For a device at temperature T, t_0 is replaced by t_0 exp(-E (1 / T_0 - 1 / T) / k) in drift and random walk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import sici

from memsim.devices.check import BOLTZMANN
from memsim.devices.fitting.measurements import RetentionCurves


class Clock(NamedTuple):
    """Time constant of the drift and its activation energy."""

    t_0: float  #: at T_0 [s]
    energy: float = 0.0  #: E [eV]


class Variances(NamedTuple):
    """Variances of the exponent and of the noises."""

    spread: float  #: variance of nu over devices [1]
    flicker: float  #: Q^2 [1]
    read: float  #: r^2 [1]
    walk: float  #: w^2, for each factor e of time [1]


@dataclass(frozen=True)
class Steps:
    """Differences of ln G between successive readings of N devices.

    Devices that were read at the same times share a pattern, and thus all covariances.
    """

    change: np.ndarray  #: differences of ln G (N, T - 1), 0 if missing
    time: np.ndarray  #: times of each pattern (P, T) [s]
    known: np.ndarray  #: which differences of each pattern exist, bool (P, T - 1)
    pattern: np.ndarray  #: index of the pattern of each device (N,)
    t_read: float  #: duration of a read [s]
    warmth: np.ndarray  #: (1 / T_0 - 1 / T) / k of each pattern (P, 1) [1 / eV]

    @classmethod
    def of(cls, curves: RetentionCurves, t_read: float, reference: float = 300.0) -> Steps:
        """Return the differences of curves with conductances above 0; t_read [s]; reference: T_0 [K]."""
        with np.errstate(divide="ignore"):
            change = np.diff(np.log(curves.conductance.T), axis=1)
        known = np.isfinite(change)
        time = np.where(np.isfinite(curves.time), curves.time, np.nanmax(curves.time)).T
        kept = np.full(len(time), reference) if curves.temperature is None else curves.temperature
        warmth = (1.0 / reference - 1.0 / kept[:, None]) / BOLTZMANN
        both, pattern = np.unique(np.hstack([time, warmth, known]), axis=0, return_inverse=True)
        time, warmth, seen = np.split(both, [time.shape[1], time.shape[1] + 1], axis=1)
        return cls(np.where(known, change, 0.0), time, seen.astype(bool), pattern.ravel(), t_read, warmth)

    def units(self) -> np.ndarray:
        """Return scales for the variances of nu, Q^2, r^2 and w^2 in the search."""
        noise = max(float(self.change[self.known[self.pattern]].var()), 1e-12)
        longest = float(self.time.max())
        return np.array([0.02**2, noise / np.log((longest + 1.0) / self.t_read), noise, noise])

    def slope(self, clock: Clock) -> np.ndarray:
        """Return the differences of ln((t + t_0) / t_0), (P, T - 1)."""
        begins = clock.t_0 * np.exp(-clock.energy * self.warmth)
        return np.where(self.known, np.diff(np.log(self.time + begins), axis=1), 0.0)

    def noise(self, clock: Clock, at: Variances) -> np.ndarray:
        """Return the covariance of the differences without the spread of nu, (P, T - 1, T - 1)."""
        size = self.time.shape[1]
        readings = at.flicker * self._of_spectrum(clock.t_0) + at.read * np.eye(size)
        out = np.diff(np.diff(readings, axis=1), axis=2)
        both = self.known[:, :, None] & self.known[:, None, :]
        diagonal = np.where(self.known, at.walk * self.slope(clock), 1.0)
        return np.where(both, out, 0.0) + diagonal[:, :, None] * np.eye(size - 1)

    def exponents(self, clock: Clock, at: Variances) -> tuple[np.ndarray, np.ndarray]:
        """Return nu of each device and its error variance, (N,) each, by generalised least squares."""
        slope = self.slope(clock)
        weights = np.linalg.solve(self.noise(clock, at), slope[..., None])[..., 0]
        information = (weights * slope).sum(1)[self.pattern]
        return -(weights[self.pattern] * self.change).sum(1) / information, 1 / information

    def loss(self, clock: Clock, at: Variances) -> float:
        """Return minus the log likelihood, maximised over the mean exponent."""
        slope = self.slope(clock)
        covariance = self.noise(clock, at) + at.spread * slope[:, :, None] * slope[:, None, :]
        try:
            root = np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            return 1e30
        white = np.linalg.inv(root)
        z = np.einsum("nij,nj->ni", white[self.pattern], self.change)
        x = np.einsum("pij,pj->pi", white, slope)[self.pattern]
        nu = -(z * x).sum() / (x * x).sum()
        size = np.log(np.einsum("pii->pi", root)).sum(1)[self.pattern]
        return float(0.5 * ((z + nu * x) ** 2).sum() + size.sum())

    def _of_spectrum(self, t_0: float) -> np.ndarray:
        """Return the covariance of B at the readings, (P, T, T)."""
        time, shortest = self.time, 2 * self.t_read
        longest = np.minimum(time[:, :, None], time[:, None, :]) + t_0 + self.t_read
        turn = 2 * np.pi * np.abs(time[:, :, None] - time[:, None, :])
        apart = np.where(turn > 0, turn, 1.0)
        common = sici(apart / shortest)[1] - sici(apart / longest)[1]
        return np.where(turn > 0, common, np.log(np.maximum(longest / shortest, 1.0)))
