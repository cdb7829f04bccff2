"""Measurements of devices as arrays in SI units, such as pulse curves and retention curves, and their
checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memsim.devices.fitting.tables.directions import RESET

NOISE = 0.05  #: readings may be negative by up to this share of the largest one, by noise


@dataclass(frozen=True)
class PulseCurves:
    """Conductance of N devices after each of K pulses, in order; NaN for missing readings."""

    kind: ClassVar[str] = "pulse curves"
    devices: tuple[str, ...]
    conductance: np.ndarray  #: (K, N) [S]
    direction: np.ndarray  #: (K, N), direction of the pulse before a reading: +1, -1, 0 none, 2 a full reset

    @property
    def resets(self) -> np.ndarray:
        """Which readings directly follow a full reset, bool (K, N)."""
        return self.direction == RESET

    def part(self, which: np.ndarray) -> PulseCurves:
        """Return the curves of some devices; which: (N,), bool or indices."""
        names = tuple(np.array(self.devices)[which].tolist())
        return PulseCurves(names, self.conductance[:, which], self.direction[:, which])


@dataclass(frozen=True)
class RetentionCurves:
    """Conductance of N devices at up to T times since the write; NaN if a device has fewer."""

    kind: ClassVar[str] = "retention curves"
    devices: tuple[str, ...]
    time: np.ndarray  #: (T, N) [s]
    conductance: np.ndarray  #: (T, N) [S]
    temperature: np.ndarray | None = None  #: temperature of each device (N,) [K]; None: not given

    def part(self, which: np.ndarray) -> RetentionCurves:
        """Return the curves of some devices; which: (N,), bool or indices."""
        names = tuple(np.array(self.devices)[which].tolist())
        kept = None if self.temperature is None else self.temperature[which]
        return RetentionCurves(names, self.time[:, which], self.conductance[:, which], kept)

    @property
    def several(self) -> bool:
        """Whether the devices have more than one temperature."""
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
    """Writes of devices: target conductances and conductances read back."""

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
    """Write cycles of devices until their failure, or until the end of the test if they did not fail."""

    kind: ClassVar[str] = "cycles to failure"
    devices: tuple[str, ...]
    cycles: np.ndarray  #: (N,)
    failed: np.ndarray  #: (N,), bool


Measured = PulseCurves | RetentionCurves | ProgrammingTable | CurrentTable | FailureTable | TemperatureTable


def check_conductance(g: np.ndarray, origin: str) -> None:
    """Raise ValueError for conductances [S] that are missing, negative beyond noise, or implausible in
    size.
    """
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
    if high <= 0:
        raise ValueError(
            f"{origin}: conductance [S] = {low:.4g} to {high:.4g}: a conductance cannot be negative, and all"
            " are: exchange the instrument's leads, or write the current with the sign of its voltage; an"
            " offset is subtracted by --offset"
        )
    if low < -NOISE * high or (g < 0).mean() > 0.2:
        raise ValueError(
            f"{origin}: conductance [S] = {low:.4g}: a conductance cannot be negative; subtract the offset of"
            f" the instrument, its reading of an open device (as --offset={low:.2g}), or exchange its leads"
        )


def check_support(missing: Sequence[str]) -> None:
    """Raise ValueError if there are parameters that the data do not determine, each with the data needed."""
    if missing:
        raise ValueError("these data cannot support " + "; ".join(missing))
