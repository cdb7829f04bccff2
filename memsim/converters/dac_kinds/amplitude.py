"""Amplitude: the number is a voltage, of 2^bits levels, for the length of a read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memsim.converters.dac_kind import DacKind
from memsim.converters.kinds import DAC

if TYPE_CHECKING:
    from torch import Tensor


@DAC.register("amplitude")
class Amplitude(DacKind):
    """A voltage DAC for each row."""

    def passes(self, levels: int) -> int:
        return 1

    def planes(self, codes: Tensor, passes: int) -> Iterator[tuple[float, Tensor]]:
        yield 1.0, codes
