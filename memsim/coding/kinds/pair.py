"""Differential pairs: one side carries the weight, the other rests at g_min; one line senses both."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from memsim.coding.coding import Coding
from memsim.coding.registry import coding

if TYPE_CHECKING:
    from torch import Tensor


@coding
class Pair(Coding):
    """A pair a weight, W = (G+ - G-) / k; what is common to both sides cancels before the ADC."""

    kind: ClassVar[str] = "pair"
    paired: ClassVar[bool] = True

    def shares(self, unit_GRC: Tensor, rounded: bool) -> Tensor:
        return unit_GRC[None]

    def words(self, devices: int) -> str:
        return "devices in pairs" if devices == 1 else f"places of {devices} pairs"
