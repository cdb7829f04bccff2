"""Fit of Arrhenius' law to conductances at several temperatures, with one activation energy per device.

    ln G_i(T) = ln G_i(T_0) + E_i (1 / T_0 - 1 / T) / k + noise,    E_i ~ N(E_G, s^2)

T_0 is the measured temperature nearest to 300 K.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from memsim.devices.check import BOLTZMANN
from memsim.devices.fitting.estimates import Interval, population
from memsim.devices.fitting.fit import few_words, without_spreads
from memsim.devices.fitting.fit_retention import nearest_to_room
from memsim.devices.fitting.measurements import TemperatureTable, check_support
from memsim.devices.fitting.pulse_numbers import round_to
from memsim.devices.fitting.residuals import MISFIT

SPAN = 20.0  #: smallest range of temperatures of a device [K]


@dataclass(frozen=True)
class TemperatureFit:
    """Result of a fit of activation energies."""

    measured: TemperatureTable
    numbers: dict[str, Interval]
    fixed: dict[str, float]
    not_measured: tuple[str, ...]
    energy: np.ndarray  #: activation energy of each device (N,) [eV]
    level: np.ndarray  #: ln G of each device at T_0 (N,)
    residuals: np.ndarray  #: logarithm of measured over fitted conductance (R,)
    warnings: list[str]

    @property
    def section(self) -> dict[str, Any]:
        """The ``[weight]`` table of a device card."""
        return self.fixed | {key: float(f"{i.value:.6g}") for key, i in self.numbers.items()}


def fit_temperature(table: TemperatureTable) -> TemperatureFit:
    """Fit an activation energy to each device and return mean and spread.

    Raises ValueError for conductances that are not above 0, and for devices with fewer than three
    temperatures or a range below 20 K.
    """
    _check(table)
    reference = nearest_to_room(table.temperature)
    x, y, n = (1.0 / reference - 1.0 / table.temperature) / BOLTZMANN, np.log(table.conductance), table.which
    size = np.bincount(n)
    mean_x, mean_y = np.bincount(n, x) / size, np.bincount(n, y) / size
    dx = x - mean_x[n]
    square = np.bincount(n, dx**2)
    energy = np.bincount(n, dx * y) / square
    level = mean_y - energy * mean_x
    left = y - level[n] - energy[n] * x
    freedom = max(len(y) - 2 * len(size), 1)
    noise = float(np.sqrt((left**2).sum() / freedom))
    mean, spread = population(energy, energy + noise / np.sqrt(square) * np.array([[1.0], [-1.0]]))
    numbers = {"conductance_energy [eV]": mean, "conductance_energy_spread [eV]": spread}
    numbers, missing = without_spreads(numbers, len(size))
    top = float(table.conductance[np.abs(table.temperature - reference) < 1e-6].max())
    fixed = {"g_max [S]": round_to(top, up=True), "temperature [K]": reference}
    words = few_words(len(size), missing) + _warnings(table, left, energy, level)
    return TemperatureFit(table, numbers, fixed, missing, energy, level, left, words)


def _check(table: TemperatureTable) -> None:
    key = "conductance_energy [eV]"
    if (table.conductance <= 0).any():
        check_support([f"{key}: a conductance of 0 has no logarithm; leave such readings out"])
    for n, device in enumerate(table.devices):
        kelvin = table.temperature[table.which == n]
        if len(np.unique(kelvin)) < 3 or np.ptp(kelvin) < SPAN:
            check_support([
                f"{key}: {device} was read at {len(np.unique(kelvin))} temperature(s) over"
                f" {np.ptp(kelvin):.3g} K; 3 or more over {SPAN:g} K are needed"
            ])  # fmt: skip


def _warnings(table: TemperatureTable, left: np.ndarray, energy: np.ndarray, level: np.ndarray) -> list[str]:
    """Return warnings on misfits of the mean over devices, and on energies that depend on the conductance."""
    out = []
    _, group = np.unique(table.temperature, return_inverse=True)
    count = np.bincount(group)
    mean = np.bincount(group, left) / count
    scatter = float(np.sqrt(((left - mean[group]) ** 2).sum() / max(len(left) - len(count), 1)))
    off = np.abs(mean) * np.sqrt(count) / max(scatter, 1e-12)
    if off.max() > MISFIT:
        out.append(
            f"one activation energy misses the devices' mean by {off.max():.1f} standard errors at some"
            " temperature: do not trust the intervals; fit a narrower range"
        )
    x = level - level.mean()
    if len(energy) > 3 and (x**2).sum() > 0:
        slope = float((x * energy).sum() / (x**2).sum())
        rest = energy - energy.mean() - slope * x
        sure = float(np.sqrt((rest**2).sum() / (len(energy) - 2) / (x**2).sum()))
        if abs(slope) > MISFIT * sure:
            out.append(
                f"the activation energy depends on the conductance level: it changes by {slope:.2g} +-"
                f" {sure:.1g} eV per factor e (2.72) of G, and a card has one energy for all levels; fit a"
                " card to each level, from a table of its own"
            )
    return out
