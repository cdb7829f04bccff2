"""Offset columns: one device a weight, and in each column tile a reference in the middle of the range.

    G = g_min + (1 + W / max |W|) / 2 x (g_max - g_min),   W ~ 2 (G - G_ref)

The reference column is read and converted like any other and its number is taken off digitally, times what
was measured for each column (middle = "designed": times 1); its devices have errors of their own, common to
all weights of a row and tile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from memsim.coding.coding import MiddleCoding
from memsim.coding.registry import coding

if TYPE_CHECKING:
    from torch import Tensor


@coding
class Offset(MiddleCoding):
    """One device a weight beside a reference column in each tile."""

    kind: ClassVar[str] = "offset"
    referenced: ClassVar[bool] = True

    @property
    def factors(self) -> tuple[float, ...]:
        return (2.0,)

    def shares(self, unit_GRC: Tensor, rounded: bool) -> Tensor:
        return ((1 + unit_GRC) / 2)[None]

    def words(self, devices: int) -> str:
        each = "single devices" if devices == 1 else f"places of {devices} devices"
        return f"{each} and a reference column in each tile"
