"""A kind of DAC: how a number in whole steps drives a row, in one pulse or in several passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor


class DacKind(ABC):
    """A way to drive rows with numbers -k .. k; spikes drive a row with one pulse whatever it is."""

    serial: ClassVar[bool] = False
    """Whether a number takes several passes of one-bit drives, each read and converted separately."""
    shifted: ClassVar[bool] = False
    """Whether passes are shifted before they are added."""
    timed: ClassVar[bool] = False
    """Whether a number is the length of a pulse."""
    counts: ClassVar[bool] = False
    """Whether whole numbers are driven as they are, in steps of one; if not, the range has 2^bits steps."""

    @abstractmethod
    def passes(self, levels: int) -> int:
        """Return the passes of a number of up to `levels` steps."""

    @abstractmethod
    def planes(self, codes: Tensor, passes: int) -> Iterator[tuple[float, Tensor]]:
        """Yield (weight, drive) of every pass: codes = sum of weight x drive, drives in -1, 0, 1."""


class SerialDac(DacKind):
    """Passes of one-bit drives; a negative number drives its rows with the opposite voltage."""

    serial = counts = True

    def planes(self, codes: Tensor, passes: int) -> Iterator[tuple[float, Tensor]]:
        sign, size = codes.sign(), codes.abs().long()
        for n in range(passes):
            weight, here = self.plane(size, n)
            yield weight, sign * here.to(codes.dtype)

    @abstractmethod
    def plane(self, size: Tensor, n: int) -> tuple[float, Tensor]:
        """Return the weight of pass n, and which rows it drives of whole numbers `size`."""
