"""The read of an array whose weights stand on several lines: each is read and converted separately.

    y_mc = gain_c (sum_p factor_p I_pmc - b_c taken_(c)m)

I: what conversions give, row tiles added; a plane is a read as in `memsim.arrays.reading.weight_read`, with
noise and conversions of its own.  What the devices carry at weight 0 is taken off as the number of the
reference column of the tile, or of a sum of drives that is digital (`memsim.arrays.reading.middle`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from memsim.arrays.reading.middle import Middle
from memsim.arrays.reading.noise import QUIET
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
    taken: ReadOut | None
    """What is taken off, in amperes: reference columns, or a digital sum; None: nothing."""
    gain_SC: Tensor
    """What an ampere of it is in a column's numbers."""
    place_C: Tensor
    """Which of what is taken off each column has, (C,)."""
    middle: Middle | None

    def __call__(self, x: Tensor, unrolling: Unrolling | None, at: Address) -> Reading:
        """Read with x (T, S, B, F), as :class:`ReadOut` does."""
        found = [plane(x, unrolling, at) for plane in self.planes]
        numbers, clips = found[0].numbers, sum(one.clips for one in found)
        for one in found[1:]:
            numbers = numbers + one.numbers
        if self.taken is not None:
            reading = self.taken(x, unrolling, at)
            taken = reading.numbers if unrolling is None else reading.numbers.transpose(-1, -2)
            off = self.gain_SC[:, None, None] * taken[..., self.place_C]
            numbers = numbers - (off if unrolling is None else off.transpose(-1, -2))
            clips += reading.clips
        return found[0]._replace(numbers=numbers, clips=clips)

    def changed(self, **fields: Any) -> LineRead:
        """Return the same read with other fields of all lines, as `ReadOut.changed`."""
        return by_line(replace(self.whole, **fields), self.lines, self.middle)


def by_line(whole: ReadOut, lines: Lines, middle: Middle | None) -> LineRead:
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
    taken, place, share_SC = None, torch.zeros(lines.columns, dtype=torch.int64), gain_SC
    if lines.reference is not None:
        taken = part(len(factors), gain_SC.new_ones(len(gain_SC), lines.column_tiles))
        place, share_SC = lines.tile_of_column, gain_SC * lines.factor
    elif middle is not None and middle.row_SRT is not None:
        taken = replace(
            part(0, gain_SC.new_ones(len(gain_SC), 1)), volt_SRC=middle.row_SRT.contiguous(), power_SRC=None,
            noise=QUIET, bits=0, curve_SKPC=None,
        )  # fmt: skip
    return LineRead(
        whole=whole,
        lines=lines,
        planes=tuple(part(n, gain_SC * factor) for n, factor in enumerate(factors)),
        taken=taken,
        gain_SC=share_SC if middle is None else share_SC * middle.factor_SC,
        place_C=place.to(gain_SC.device),
        middle=middle,
    )
