"""Bit slices: the digits of a weight in devices of few levels each; every slice is converted separately.

    sign = "pair":    c = round(|u| (2^B - 1)), u's sign chooses the side of every pair
    sign = "offset":  c = round(u (2^(B-1) - 1)) + 2^(B-1), in single devices
    c = sum_p 2^(bits below p) d_p,   s_p = d_p / (2^bits_p - 1),   B = sum of slice_bits

The numbers of the slices are shifted and added digitally; the offset 2^(B-1) is taken off digitally as that
of single devices is (Shafiee et al., ISCA 2016, take off the designed one by the sum of the drives).  Without
the effect weight-rounding every slice lies between its digits of the two nearest codes, in the ratio of the
distances: the sum is the weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from memsim.coding.coding import MiddleCoding
from memsim.coding.registry import coding

if TYPE_CHECKING:
    from torch import Tensor

MOST = 16  #: bits of a weight


@coding
class Slices(MiddleCoding):
    """Digits of a weight in a place each, most significant first."""

    kind: ClassVar[str] = "slices"
    rounds: ClassVar[bool] = True

    slice_bits: tuple[Annotated[int, Field(ge=1, le=8)], ...] = (2, 2, 2, 2)
    """Bits that a place of each slice holds, most significant first; together at most 16."""
    sign: Literal["pair", "offset"] = "pair"
    """``pair``: the digits of the size, in pairs, and a sign beside them; ``offset``: single devices,
    half the range taken off digitally.
    """

    @model_validator(mode="after")
    def _has_a_middle(self) -> Slices:
        if self.paired and self.middle != "measured":
            raise ValueError(
                f"middle = {self.middle!r}: it belongs to sign = 'offset'; pairs have no middle to take off"
            )
        return self

    @model_validator(mode="after")
    def _fits(self) -> Slices:
        least, bits = (1 if self.paired else 2), sum(self.slice_bits)
        if not least <= bits <= MOST:
            raise ValueError(
                f"slice_bits = {list(self.slice_bits)}: {bits} bits in all; {least} to {MOST} are allowed"
                f" with sign = {self.sign!r}"
            )
        return self

    @property
    def paired(self) -> bool:  # type: ignore[override]
        return self.sign == "pair"

    @property
    def factors(self) -> tuple[float, ...]:
        return tuple(top * place / self._unit for top, place in zip(self._tops, self._places, strict=True))

    def shares(self, unit_GRC: Tensor, rounded: bool) -> Tensor:
        code = unit_GRC.abs() * self._unit if self.paired else (unit_GRC + 1) * self._unit + 1
        low = code.round() if rounded else code.floor().clamp(max=self._top - 1)
        found = self._digits(low)
        if not rounded:
            found = found + (code - low) * (self._digits(low + 1) - found)
        return found * unit_GRC.sign() if self.paired else found

    def words(self, devices: int) -> str:
        each = "pairs" if self.paired else "devices"
        each = each if devices == 1 else f"places of {devices} {each}"
        return f"{each} in {len(self.slice_bits)} slices of {', '.join(map(str, self.slice_bits))} bits"

    @property
    def _top(self) -> int:
        return 2 ** sum(self.slice_bits) - 1

    @property
    def _unit(self) -> int:
        """Steps from a weight of 0 to the largest."""
        return self._top if self.paired else self._top // 2

    @property
    def _tops(self) -> list[int]:
        """Largest digit of each slice."""
        return [2**bits - 1 for bits in self.slice_bits]

    @property
    def _places(self) -> list[int]:
        """Value of a digit of each slice."""
        return [2 ** sum(self.slice_bits[p + 1 :]) for p in range(len(self.slice_bits))]

    def _digits(self, code: Tensor) -> Tensor:
        """s_p of whole codes 0 .. top, (P, ...)."""
        import torch  # a card is read before torch is needed

        return torch.stack(
            [
                (code / place).floor() % (top + 1) / top
                for top, place in zip(self._tops, self._places, strict=True)
            ]
        )
