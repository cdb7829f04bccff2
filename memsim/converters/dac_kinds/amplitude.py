"""Amplitude: the number is a voltage, of 2^bits levels, for the length of a read."""

from collections.abc import Iterator

from torch import Tensor

from memsim.converters.dac_kind import DacKind
from memsim.converters.kinds import DAC


@DAC.register("amplitude")
class Amplitude(DacKind):
    """A voltage DAC for each row."""

    def passes(self, levels: int) -> int:
        return 1

    def planes(self, codes: Tensor, passes: int) -> Iterator[tuple[float, Tensor]]:
        yield 1.0, codes
