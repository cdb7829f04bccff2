"""What reads of line arrays see through word and bit lines that have a resistance.

Keys and values are arrays of their own; each number's two devices stand side by side on the line of their
token, whose end with its driver and ADC is at the first column.  Bit lines end at the first line.

    match   key columns are driven from the first line on, the lines of tokens end in virtual ground
    blend   the lines of tokens are driven from the first column on, value columns end in virtual ground

A state (`memsim.memory.crossbar_leaky`) is read as keys are: its columns are driven, its rows are sensed.

Each device G stands for what it sends out of its array, M = u G t: u is the voltage of its driven line, t
the share that its sensed line passes on (`memsim.wires.tiles`).  A line that is not written is switched off.
Where lines at rest are off in a blend, M is that of the mean load, `row_activity` of them.  Fresh noise and
energy are those of lines without resistance, upper bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from memsim.memory.cells import Shown
from memsim.memory.design import ArrayDesign
from memsim.wires.lines import Lines
from memsim.wires.tiles import devices_through_lines


@dataclass(frozen=True)
class ThroughLines:
    """The lines of one memory.

    lines: resistance of a segment of the driven line (r_word) and of the sensed one (r_bit) [ohm]; one:
    siemens between the two devices of a number at full range; activity: share of lines driven at once in a
    blend [1]; tile: lines of a tile, whose bit lines are its own (0: all lines share theirs).
    """

    lines: Lines
    one: float
    activity: float = 1.0
    tile: int = 0

    @classmethod
    def of(cls, design: ArrayDesign, one: float, tile: int = 0) -> ThroughLines | None:
        """The lines of a design's card; None where they lose nothing."""
        card, how = design.card, design.idle_lines
        ohm = card.segment(card.attention.scheme if design.write == "pulses" else "1T1R").resistance
        if how == "none" or not ohm:
            return None
        return cls(Lines(ohm, ohm, how), one, design.section.row_activity, tile)

    def keys(self, shown: Shown, rows: Sequence[int], activity: float = 1.0) -> Tensor:
        """Shares (S, H, B, N, C) as a match sees them, of lines at `rows` of the array.

        activity: share of columns driven at once [1], which counts where columns at rest are off.
        """
        devices, tiles = self._placed(shown, rows)
        seen = devices_through_lines(devices.mT, self.lines, (1, tiles), activity, together=1).mT
        return self._shares(seen, shown, rows)

    def values(self, shown: Shown, rows: Sequence[int]) -> Tensor:
        """Shares (S, H, B, N, C) as a blend sees them."""
        devices, tiles = self._placed(shown, rows)
        return self._shares(
            devices_through_lines(devices, self.lines, (tiles, 1), self.activity), shown, rows
        )

    def _placed(self, shown: Shown, rows: Sequence[int]) -> tuple[Tensor, int]:
        """Devices where they stand, (S H B, rows, 2 C) [S], and how many tiles they fill."""
        difference = shown.share * self.one
        pair = [((shown.siemens + sign * difference) / 2).clamp(min=0) for sign in (1, -1)]
        devices = torch.stack(pair, -1).flatten(-2).flatten(0, 2)
        height = max(rows) + 1
        tiles = math.ceil(height / self.tile) if self.tile else 1
        whole = devices.new_zeros(len(devices), tiles * self.tile or height, devices.shape[-1])
        whole[:, list(rows)] = devices
        return whole, tiles

    def _shares(self, seen: Tensor, shown: Shown, rows: Sequence[int]) -> Tensor:
        """The numbers of pairs M+, M- (S H B, rows, 2 C) [S]."""
        found = (seen[..., 0::2] - seen[..., 1::2])[:, list(rows)] / self.one
        return found.view(shown.share.shape)
