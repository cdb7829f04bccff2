"""The read of an array whose weights stand on several lines: each is read and converted by itself.

    y_mc = gain_c (sum_p factor_p I_pmc - factor_0 I_ref(c),m)        with a reference column, or
    y_mc = gain_c sum_p factor_p I_pmc - zero_c sum_r x_mr            digitally

I: what conversions give, row tiles added; a plane is a read as in `memsim.arrays.reading.weight_read`, with
noise and conversions of its own.  What the devices carry at weight 0 is taken off as the number of the
reference column of the tile, or as its designed value times the sum of the drives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from memsim.arrays.reading.unrolling import Unrolling
from memsim.arrays.reading.weight_read import Reading, ReadOut
from memsim.coding.lines import Lines
from memsim.run import Address


@dataclass(frozen=True, kw_only=True)
class LineRead:
    """How all lines of an array are read; called as a `ReadOut` is."""

    whole: ReadOut
    """All lines side by side."""
    lines: Lines
    planes: tuple[ReadOut, ...]
    """Their gains have the planes' factors in them."""
    reference: ReadOut | None
    """The reference columns, in amperes."""
    gain_SC: Tensor
    """What an ampere of a reference is in the layer's numbers."""
    tile_of_column: Tensor
    """Reference of each column, (C,)."""
    zero_SC: Tensor | None
    """What a fully driven row makes of a weight of 0, in numbers; None: nothing is taken off digitally."""

    def __call__(self, x: Tensor, unrolling: Unrolling | None, at: Address) -> Reading:
        """Read with x (T, S, B, F), as :class:`ReadOut` does."""
        found = [plane(x, unrolling, at) for plane in self.planes]
        numbers = found[0].numbers
        for one in found[1:]:
            numbers = numbers + one.numbers
        if self.reference is not None:
            found.append(self.reference(x, unrolling, at))
            taken = found[-1].numbers if unrolling is None else found[-1].numbers.transpose(-1, -2)
            numbers = self._less(numbers, self.gain_SC, taken[..., self.tile_of_column], unrolling)
        if self.zero_SC is not None:
            sums = drive_sums(x, unrolling, self.planes[0].volt_SRC.shape[1])[..., None]
            numbers = self._less(numbers, self.zero_SC, sums, unrolling)
        return found[0]._replace(numbers=numbers, clips=sum(one.clips for one in found))

    def changed(self, **fields: Any) -> LineRead:
        """The same read with other fields of all lines, as `ReadOut.changed`."""
        return by_line(replace(self.whole, **fields), self.lines, self.zero_SC)

    @staticmethod
    def _less(numbers: Tensor, factor_SC: Tensor, taken: Tensor, unrolling: Unrolling | None) -> Tensor:
        """The numbers less factor (S, C) times what is taken off, (T, S, B, P, C or 1)."""
        off = factor_SC[:, None, None] * taken
        return numbers - (off if unrolling is None else off.transpose(-1, -2))


def drive_sums(x: Tensor, unrolling: Unrolling | None, rows: int) -> Tensor:
    """Return the sum of the drives of every position, x (T, S, B, F) -> (T, S, B, P)."""
    if unrolling is None:
        return x.unflatten(-1, (-1, rows)).sum(-1)
    by_pixel = x.unflatten(-1, (unrolling.channels, unrolling.plane)).sum(-2)
    return replace(unrolling, channels=1).vectors(by_pixel).sum(-1)


def by_line(whole: ReadOut, lines: Lines, zero_SC: Tensor | None) -> LineRead:
    """Return the read of `whole` line by line: its currents are those of all lines side by side, (S, R, L),
    its ADC ranges those of every plane and of the references, (S, groups K), its gain (S, C) a column's.
    """
    scales = whole.full_scale_SK.unflatten(1, (len(lines.groups), -1))

    def part(group: int, gain_SC: Tensor) -> ReadOut:
        here, power, curve = lines.groups[group], whole.power_SRC, whole.curve_SKPC
        return replace(
            whole,
            volt_SRC=whole.volt_SRC[..., here].contiguous(),
            power_SRC=None if power is None else power[..., here].contiguous(),
            full_scale_SK=scales[:, group].contiguous(),
            noise=whole.noise.of_lines(here),
            curve_SKPC=None if curve is None else curve[..., here].contiguous(),
            gain_SC=gain_SC,
            rng=whole.rng.child("line", group) if group else whole.rng,
        )

    gain_SC, factors = whole.gain_SC, lines.coding.factors
    reference = None
    if lines.reference is not None:
        reference = part(len(factors), gain_SC.new_ones(len(gain_SC), lines.column_tiles))
    return LineRead(
        whole=whole,
        lines=lines,
        planes=tuple(part(n, gain_SC * factor) for n, factor in enumerate(factors)),
        reference=reference,
        gain_SC=gain_SC * factors[0],
        tile_of_column=lines.tile_of_column.to(gain_SC.device),
        zero_SC=zero_SC,
    )
