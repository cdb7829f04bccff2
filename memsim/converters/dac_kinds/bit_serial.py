"""Bit-serial: numbers 0 .. k in ceil(log2(k + 1)) passes of one-bit drives, added digitally with shifts.

Source: ISAAC (Shafiee et al., ISCA 2016).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsim.converters.dac_kind import SerialDac
from memsim.converters.kinds import DAC

if TYPE_CHECKING:
    from torch import Tensor


@DAC.register("bit-serial")
class BitSerial(SerialDac):
    """A shift register for each row, least significant bit first."""

    shifted = True

    def passes(self, levels: int) -> int:
        return int(levels).bit_length()

    def plane(self, size: Tensor, n: int) -> tuple[float, Tensor]:
        return 2.0**n, (size >> n) & 1
