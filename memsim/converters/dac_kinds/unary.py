"""Unary: numbers 0 .. k as up to k spikes, one a pass: pass n drives the rows whose number exceeds n."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsim.converters.dac_kind import SerialDac
from memsim.converters.kinds import DAC

if TYPE_CHECKING:
    from torch import Tensor


@DAC.register("unary")
class Unary(SerialDac):
    """A down counter for each row."""

    def passes(self, levels: int) -> int:
        return int(levels)

    def plane(self, size: Tensor, n: int) -> tuple[float, Tensor]:
        return 1.0, size > n
