"""How a weight array is read in one kind of call: what it shows, its converters' ranges, noise."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from memsim.arrays.one_sided import bits_of
from memsim.arrays.ranges import Drives
from memsim.arrays.reading.grouping import of_chips
from memsim.arrays.reading.line_read import LineRead, by_line
from memsim.arrays.reading.middle import Middle
from memsim.arrays.reading.noise import read_noise
from memsim.arrays.reading.weight_read import ReadOut
from memsim.card.chip_card import ChipCard
from memsim.coding.lines import Lines
from memsim.devices import Stream


class Shown(NamedTuple):
    """What arrays show now, and the factors of their numbers, as in `ReadOut`: chips x groups first."""

    volt_SRC: Tensor
    power_SRC: Tensor | None
    row_siemens_SR: Tensor
    gain_SC: Tensor
    middle: Middle | None
    """What is taken off of columns."""
    curve_SKPC: Tensor | None
    """The curves of the ADCs of all lines; None: ideal ones."""

    def of(self, chips: Any, groups: int) -> Shown:
        """Return the same of some chips."""
        here = partial(of_chips, chips=chips, groups=groups)
        found = [x if x is None or isinstance(x, Middle) else here(x) for x in self]
        return Shown(*found)._replace(middle=self.middle and self.middle.each(here))  # type: ignore[arg-type]


def read_out(
    shown: Shown, drives: Drives | None, rng: Stream, *, card: ChipCard, cell: Any, tiles: int, groups: int,
    lines: Lines | None,
) -> ReadOut | LineRead:  # fmt: skip
    """Return how arrays are read where `drives` drive their rows; None: without ranges, nothing rounds.

    tiles: row tiles; groups: arrays of a chip; lines: None for one line of pairs a column.
    """
    if drives is not None and drives.chips is not None:
        shown, rng = shown.of(drives.chips, groups), rng.of(drives.chips)
    volt, power, siemens, gain, middle, curve = shown
    adc = card.design.weight_adc
    if drives is None:
        bits, scale = 0, gain.new_ones(len(gain), tiles * (1 if lines is None else len(lines.groups)))
    else:
        bits = bits_of(adc.bits, drives, card.weights.coding.paired) if adc.rounds else 0
        scale = drives.full_scale_SK
        if not drives.spikes:
            peak = drives.unit(card.design.dac).repeat_interleave(groups)[:, None]
            gain = gain * peak
    power, noise = read_noise(power, cell, card, volt, tiles)
    volt, power = (
        volt.contiguous(),
        None if power is None else power.contiguous(),
    )  # kernels take contiguous arrays
    whole = ReadOut(
        volt_SRC=volt, power_SRC=power, row_siemens_SR=siemens, full_scale_SK=scale, gain_SC=gain,
        bits=bits, rng=rng, dense=drives is not None and not drives.spikes, noise=noise, curve_SKPC=curve,
    )  # fmt: skip
    return whole if lines is None else by_line(whole, lines, middle)
