"""Pulse width: the number is the length of a pulse at the read voltage, a unit pulse for each step.

The voltage being fixed, a row is read at one point of its I-V curve whatever the number, so that a nonlinear
curve bends nothing.  The charge is collected for as long as the longest pulse could be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsim.converters.dac_kind import DacKind
from memsim.converters.kinds import DAC

if TYPE_CHECKING:
    from torch import Tensor


@DAC.register("pulse-width")
class PulseWidth(DacKind):
    """A counter and a switch for each row."""

    timed = counts = True

    def passes(self, levels: int) -> int:
        return 1

    def planes(self, codes: Tensor, passes: int) -> Iterator[tuple[float, Tensor]]:
        yield 1.0, codes
