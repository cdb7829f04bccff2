"""Single devices without any reference: what they carry at weight 0 is taken off digitally.

    zero = "middle":  G = g_min + (1 + W / max |W|) / 2 x (g_max - g_min);   zero = "bottom":  |W| / max |W|

Digitally means the middle (or g_min) of a row as it was measured times its drive, summed, times a factor for
each column; or, with middle = "designed", that of a device times the sum of the drives: then what devices
have in common, such as drift, and what lines lose do not cancel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from memsim.coding.coding import MiddleCoding
from memsim.coding.registry import coding

if TYPE_CHECKING:
    from torch import Tensor


@coding
class Single(MiddleCoding):
    """One device a weight, nothing beside it."""

    kind: ClassVar[str] = "single"

    zero_at: Literal["middle", "bottom"] = "middle"
    """Where weight 0 lies in a device's range: ``middle``, for weights of both signs; ``bottom``, at g_min,
    with the whole range for weights of one sign in each column; the sign is digital.
    """

    @property
    def factors(self) -> tuple[float, ...]:
        return (2.0,) if self.zero_at == "middle" else (1.0,)

    def shares(self, unit_GRC: Tensor, rounded: bool) -> Tensor:
        return ((1 + unit_GRC) / 2 if self.zero_at == "middle" else unit_GRC.abs())[None]

    def check(self, name: str, blocks_GRC: Tensor) -> None:
        if self.zero_at == "middle":
            return
        mixed = (blocks_GRC > 0).any(1) & (blocks_GRC < 0).any(1)
        if mixed.any():
            raise ValueError(
                f"{name}: weights.coding.zero_at = 'bottom' holds weights of one sign in a column, and"
                f" {int(mixed.sum())} of {mixed.numel()} columns have both; take zero_at = 'middle', or the"
                " coding pair or offset"
            )

    def signs(self, blocks_GRC: Tensor) -> Tensor | None:
        if self.zero_at == "middle":
            return None
        negative = (blocks_GRC < 0).any(1, keepdim=True)
        return 1.0 - 2.0 * negative.to(blocks_GRC)

    def words(self, devices: int) -> str:
        return "single devices" if devices == 1 else f"places of {devices} devices"
