"""The effect of the resistance of word and bit lines on reads of line arrays.

Keys and values are separate arrays.  The two devices of a number are neighbours on the line of their token;
driver and ADC of this line are at its first column.  Bit lines end at the first line.

    match   key columns are driven from the first line; the lines of tokens end in virtual ground
    blend   the lines of tokens are driven from the first column; value columns end in virtual ground

A state (`memsim.memory.crossbar_leaky`) is read like keys: its columns are driven, and its rows are sensed.

A device with conductance G contributes to the sensed current by an effective one, M = u G t: u is the voltage
at the device divided by that of the driver, and t the part of its current that reaches the ADC
(`memsim.wires.tiles`, and `memsim.wires.loaded_lines` for lines that are written one by one).  Lines that are
not written are switched off.  If idle lines are off in a blend, M is computed for the mean load, with a part
`row_activity` of the lines on.  Read noise and energy are computed
without the resistance and are therefore upper bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from memsim.memory.cells import Shown
from memsim.memory.design import ArrayDesign
from memsim.wires.ladder import word_ladder
from memsim.wires.lines import Lines
from memsim.wires.loaded_lines import driven_currents, sensed_currents
from memsim.wires.tiles import devices_through_lines


@dataclass(frozen=True)
class ThroughLines:
    """Line resistances of one memory.

    lines: resistance of one segment of the driven line (r_word) and of the sensed line (r_bit) [ohm]; one:
    conductance difference of the two devices of a number at a share of 1 [S]; activity: part of the lines
    that a blend drives at once [1]; tile: lines of a tile with separate bit lines (0: no tiles).
    """

    lines: Lines
    one: float
    activity: float = 1.0
    tile: int = 0

    @classmethod
    def of(cls, design: ArrayDesign, one: float, tile: int = 0) -> ThroughLines | None:
        """Return the line resistances of a design's card; None if they are 0 or not simulated."""
        card, how = design.card, design.idle_lines
        ohm = card.segment(card.attention.scheme if design.write == "pulses" else "1T1R").resistance
        if how == "none" or not ohm:
            return None
        return cls(Lines(ohm, ohm, how), one, design.section.row_activity, tile)

    def match(self, drive: Tensor, shown: Shown, rows: Sequence[int], held: Sequence[int]) -> Tensor:
        """Return the currents of lines (S, H, B, R, N) for drives of key columns (S, H, B, R, C), in shares.

        shown: lines at `rows` of the array (S, H, B, N, C); for reader r the first held[r] of them are
        present, and the others give 0.
        """
        both = torch.stack([drive, -drive], -1).flatten(-2)
        order, places = _in_place(rows)
        found = driven_currents(
            _arrays(both), *self._loads(shown, order, self.lines.r_bit), places, _present(order, held),
            self.lines.r_word, self.tile,
        )  # fmt: skip
        found = torch.empty_like(found).index_copy_(-1, torch.tensor(order), found / self.one)
        return found.view(*drive.shape[:-1], len(rows)).to(drive.dtype)

    def blend(self, drive: Tensor, shown: Shown, rows: Sequence[int], held: Sequence[int]) -> Tensor:
        """Return the currents of value columns (S, H, B, R, C) for drives of lines (S, H, B, R, N), in
        shares; other arguments as those of `match`.
        """
        order, places = _in_place(rows)
        part = self.activity if self.lines.idle == "off" else 1.0
        w, g = self._loads(shown, order, self.lines.r_word)
        if part < 1.0:
            at = torch.tensor(places) % self.tile if self.tile else torch.tensor(places)
            w, g = w / (1.0 + (1.0 - part) * self.lines.r_bit * (at[:, None] + 1) * g), part * g
        found = sensed_currents(
            _arrays(drive)[..., order], w, g, places, _present(order, held), self.lines.r_bit, self.tile
        )
        found = (found[..., 0::2] - found[..., 1::2]) / self.one
        return found.view(*drive.shape[:-1], -1).to(drive.dtype)

    def _loads(self, shown: Shown, order: Sequence[int], ohm: float) -> tuple[Tensor, Tensor]:
        """Return s G and G of the devices of lines in this order (S H B, N, 2 C) [S].

        s: ladder of the line of a token, whose segments have the resistance `ohm` [ohm].
        """
        g = self._devices(shown)[:, order].double()
        segment = 1 / ohm if ohm else math.inf
        first = g.new_full(g.shape[:2], segment)
        return g * word_ladder(g, segment, first, torch.zeros_like(first)), g

    def state(self, shown: Shown, activity: float = 1.0) -> Tensor:
        """Return the effective shares (S, H, B, P, N) of a state, whose columns are driven.

        activity: part of the columns that are driven at once [1]; it matters if idle columns are off.
        """
        seen = devices_through_lines(self._devices(shown).mT, self.lines, (1, 1), activity, together=1).mT
        return ((seen[..., 0::2] - seen[..., 1::2]) / self.one).view(shown.share.shape)

    def _devices(self, shown: Shown) -> Tensor:
        """Return the two devices of each number, side by side (S H B, N, 2 C) [S]."""
        difference = shown.share * self.one
        pair = [((shown.siemens + sign * difference) / 2).clamp(min=0) for sign in (1, -1)]
        return torch.stack(pair, -1).flatten(-2).flatten(0, 2)


def _arrays(x: Tensor) -> Tensor:
    """Rearrange (S, H, B, ...) to (S H B, ...), in float64."""
    return x.double().flatten(0, 2)


def _in_place(rows: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the order of lines by their place in the array, and the places in this order."""
    order = sorted(range(len(rows)), key=rows.__getitem__)
    return order, [rows[n] for n in order]


def _present(order: Sequence[int], held: Sequence[int]) -> Tensor:
    """Return which lines, in this order, are present for readers with the first held[r] lines (R, N)."""
    return torch.tensor(order) < torch.tensor(held)[:, None]
