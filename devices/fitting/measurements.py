"""Measurements of real devices as arrays: pulse curves and retention curves, in SI units, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memsim.devices.fitting.tables.directions import RESET

NOISE = 0.05  #: a reading may lie below 0 by this share of the largest, as noise


@dataclass(frozen=True)
class PulseCurves:
    """Conductance of N devices after each of K pulses, in their order; NaN where nothing was read."""

    kind: ClassVar[str] = "pulse curves"
    devices: tuple[str, ...]
    conductance: np.ndarray  #: (K, N) [S]
    direction: np.ndarray  #: (K, N), of the pulse before a reading: +1, -1, 0 none, 2 a full reset

    @property
    def resets(self) -> np.ndarray:
        """Readings right after a full reset, (K, N)."""
        return self.direction == RESET

    def part(self, which: np.ndarray) -> PulseCurves:
        """Some of the devices; which: (N,), bool or indices."""
        names = tuple(np.array(self.devices)[which].tolist())
        return PulseCurves(names, self.conductance[:, which], self.direction[:, which])


@dataclass(frozen=True)
class RetentionCurves:
    """Conductance of N devices at T times since the write; NaN where a device has fewer."""

    kind: ClassVar[str] = "retention curves"
    devices: tuple[str, ...]
    time: np.ndarray  #: (T, N) [s]
    conductance: np.ndarray  #: (T, N) [S]
    temperature: np.ndarray | None = None  #: each device was kept at (N,) [K]; None: one that is not stated

    def part(self, which: np.ndarray) -> RetentionCurves:
        """Some of the devices; which: (N,), bool or indices."""
        names = tuple(np.array(self.devices)[which].tolist())
        kept = None if self.temperature is None else self.temperature[which]
        return RetentionCurves(names, self.time[:, which], self.conductance[:, which], kept)

    @property
    def several(self) -> bool:
        """Whether devices were kept at more than one temperature."""
        return self.temperature is not None and len(np.unique(self.temperature)) > 1


@dataclass(frozen=True)
class TemperatureTable:
    """Conductances of devices at several temperatures."""

    kind: ClassVar[str] = "conductances at temperatures"
    devices: tuple[str, ...]
    which: np.ndarray  #: index of the device (R,)
    temperature: np.ndarray  #: (R,) [K]
    conductance: np.ndarray  #: (R,) [S]


@dataclass(frozen=True)
class ProgrammingTable:
    """Writes of devices: target conductances, and what was read back."""

    kind: ClassVar[str] = "writes"
    devices: tuple[str, ...]
    target: np.ndarray  #: (W,) [S]
    read: np.ndarray  #: (W,) [S]


@dataclass(frozen=True)
class CurrentTable:
    """Currents of devices against voltage."""

    kind: ClassVar[str] = "I-V curves"
    devices: tuple[str, ...]
    which: np.ndarray  #: index of the device (R,)
    voltage: np.ndarray  #: (R,) [V]
    current: np.ndarray  #: (R,) [A]


@dataclass(frozen=True)
class FailureTable:
    """Write cycles that devices lived, or had been through when they were last seen alive."""

    kind: ClassVar[str] = "cycles to failure"
    devices: tuple[str, ...]
    cycles: np.ndarray  #: (N,)
    failed: np.ndarray  #: (N,), bool


Measured = PulseCurves | RetentionCurves | ProgrammingTable | CurrentTable | FailureTable | TemperatureTable


def check_conductance(g: np.ndarray, origin: str) -> None:
    """Raise ValueError for conductances that are below 0 by more than noise, or no siemens by their size."""
    if not len(g):
        raise ValueError(f"{origin}: no conductance was measured: all cells are blank")
    low, high = float(g.min()), float(g.max())
    if high > 1e-2:
        raise ValueError(
            f"{origin}: conductance [S] up to {high:.4g}: above 10 mS; is the unit in the header right (uS,"
            " kohm), or is it a resistance?"
        )
    if max(high, -low) < 1e-11:
        raise ValueError(
            f"{origin}: conductance [S] up to {high:.4g}: below 10 pS; is the unit in the header right?"
        )
    if low < -NOISE * high or (g < 0).mean() > 0.2:
        raise ValueError(
            f"{origin}: conductance [S] = {low:.4g}: a conductance cannot be negative; subtract the offset of"
            f" the instrument, its reading of an open device (as --offset={low:.2g}), or exchange its leads"
        )


def check_support(missing: Sequence[str]) -> None:
    """Raise ValueError for parameters that the data cannot support, each with what it would take."""
    if missing:
        raise ValueError("these data cannot support " + "; ".join(missing))
