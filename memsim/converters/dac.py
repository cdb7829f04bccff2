"""The DACs of an array as a card has them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from memsim.converters.dac_kind import DacKind
from memsim.converters.kinds import DAC


@dataclass(frozen=True, kw_only=True)
class Dac:
    """What drives rows with numbers: a kind, its bits and the length of its unit pulse [s]."""

    bits: int
    kind: str = "amplitude"
    unit_pulse: float = 1e-9

    @cached_property
    def by(self) -> DacKind:
        """The kind itself."""
        return DAC.get(self.kind)

    @cached_property
    def serial(self) -> bool:
        """Whether a number takes several passes of one-bit drives."""
        return self.by.serial

    @cached_property
    def timed(self) -> bool:
        """Whether a number is the length of a pulse."""
        return self.by.timed

    @cached_property
    def counts(self) -> bool:
        """Whether whole numbers are driven in steps of one."""
        return self.by.counts
