"""What is written at run time, and from which signals on the lines."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from memsim.devices.pulses.line_pulses import Pulses


class WriteRule(Protocol):
    """Pulses of every cell from the signals on its word line and on its bit line.

    :class:`PulseTable` (an STDP window, for the mean device), :class:`DeviceTable` (the same window, for each
    device) and :class:`OuterProducts` (spikes that meet) are the three there are.
    """

    @property
    def keep(self) -> float:
        """Share of a cell's state that stays for the next write [1]; 0: a reset before every write."""
        ...

    def pulses(self, q: Tensor, k: Tensor) -> Pulses:
        """Return signed pulses (..., M, N) for the signals q of word lines and k of bit lines: spike counts
        (..., N) both, or spikes (..., M, slots) and (..., N, slots).
        """
        ...

    def goals(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the target states (..., M, N)."""
        ...
