"""Faults of attention arrays: stuck and corrupt devices are the cell's, open lines and spares the array's.

A key token's bit line is shared by all devices of a cross-point, so also by the reference of a plastic
device or the other device of a pair: open, it adds nothing to any read; its energy is counted as at rest, a
little too much.  A query token has a word line for each device of a pair, or one for the plastic device and
one for the references: open, the devices on it carry no current.  Devices in parallel share their lines.

Arrays have as many lines as tokens, and spares behind them: row N + s is the s-th spare of N tokens.  Lines
are ranked by their faulty devices, as what is to be written there is new for each image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from memsim.arrays.faults.defects import Defects, share_by_chip
from memsim.arrays.faults.spares import choose_lines, take_lines, turned
from memsim.arrays.writing.array_design import ArrayDesign
from memsim.card.faults import FaultSection
from memsim.devices.cell import Fabric
from memsim.devices.numerics.stream import Stream
from memsim.devices.pulses.corrupt import corrupt
from memsim.devices.pulses.lines_in_use import lines_in_use
from memsim.devices.pulses.stuck import STUCK, stuck_map


class _Lines(NamedTuple):
    """Which lines are open: word lines of each side (sides, S, H, rows), bit lines (S, H, columns)."""

    word: Tensor
    bit: Tensor

    @classmethod
    def drawn(cls, rng: Stream, section: FaultSection, sides: int, size: tuple[int, int]) -> _Lines:
        """Return those of arrays of rows x columns; each side has word lines of its own."""
        word = [rng.child("word", n).uniform(size[:1]) for n in range(sides)]
        bit = rng.child("bit").uniform(size[1:])
        return cls(torch.stack(word) < section.dead_word_lines, bit < section.dead_bit_lines)

    def crossed(self, side: int, cells: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return whether the word line, and the bit line, of a device is open; both broadcast to (S, H,
        *cells).
        """
        parallel = [1] * (len(cells) - 2)
        places = self.bit.shape[:2]
        return self.word[side].view(*places, *parallel, -1, 1), self.bit.view(*places, *parallel, 1, -1)

    def at(self, rows: Tensor, columns: Tensor) -> _Lines:
        """Return those of the lines in use, (S, H, n) each."""
        return _Lines(
            self.word.gather(3, rows.expand(len(self.word), *rows.shape)), self.bit.gather(2, columns)
        )


def fabrics_of(
    design: ArrayDesign, sides: Sequence[Stream], lines: Stream, used: tuple[int, int]
) -> tuple[list[Fabric], Defects | None]:
    """Fabricate arrays of `used` word and bit lines on each side, spares in place of their worst; and what is
    bad.

    sides: streams of the devices, lines: of the lines, keys (S, H).  None where the card has no faults.
    """
    card, section = design.card, design.card.attention_faults
    faulty = card.on("faults") and section.made
    worn = card.on("wear") and card.wear.cycles_before > 0
    bad_ones, (rows, columns) = faulty or worn, used
    size = (rows + section.spare_rows, columns + section.spare_columns) if bad_ones else used
    made = [design.cell.fabricate(size, rng=rng.child("device-spread").by_row()) for rng in sides]
    if not bad_ones:
        return made, None
    opened = _Lines.drawn(lines, section if faulty else FaultSection(), len(sides), size)
    bad = torch.stack([_faulty(fabric, opened, n) for n, fabric in enumerate(made)], 2)  # (S, H, sides, ...)
    at = _chosen(bad.flatten(0, 1).flatten(1, -3), section, columns)
    at = [chosen.view(*bad.shape[:2], -1) for chosen in at]
    used_lines, kept = opened.at(*at), [lines_in_use(fabric, *at) for fabric in made]
    left = torch.stack([_faulty(fabric, used_lines, n) for n, fabric in enumerate(kept)], 2)
    chips = len(bad)
    word, bit = opened.at(*(torch.arange(n).expand_as(lines) for n, lines in zip(used, at, strict=True)))
    defects = Defects(
        left[0].numel(),
        *(share_by_chip(one, chips) for one in (bad[..., :rows, :columns], left, word.transpose(0, 1), bit)),
        *((n <= lines).sum((1, 2), dtype=torch.float64) for n, lines in zip(used, at, strict=True)),
    )
    return [_read_as(design, fabric, used_lines, n) for n, fabric in enumerate(kept)], defects


def _chosen(bad: Tensor, section: FaultSection, in_use: int) -> list[Tensor]:
    """Return the rows and columns in use (A, n) of arrays whose faulty devices are `bad` (A, D, rows,
    columns), of which the first columns are `in_use`, spares behind them.
    """
    levels = torch.where(bad, 0.0, torch.nan)[:, :, None, :, None]
    rows = choose_lines(levels[..., :in_use], section.spare_rows, _count)
    columns = choose_lines(turned(take_lines(levels, rows)), section.spare_columns, _count)
    return [rows.flatten(1), columns.flatten(1)]


def _count(levels: Tensor, at: Tensor) -> Tensor:
    """Return faulty devices of lines."""
    return (~levels.isnan()).sum((1, 5))


def _faulty(fabric: Fabric, opened: _Lines, side: int) -> Tensor:
    """Return which devices are stuck, corrupt or on an open line, (S, H, *cells)."""
    word, bit = opened.crossed(side, fabric.cells)
    return ~stuck_map(fabric).isnan() | corrupt(fabric) | word | bit


def _read_as(design: ArrayDesign, fabric: Fabric, opened: _Lines, side: int) -> Fabric:
    """Return the devices with the level that those on open lines are read at."""
    if not (opened.word.any() or opened.bit.any()):
        return fabric
    rest, unit, _ = design.conductance
    nothing = -rest / unit
    word, bit = opened.crossed(side, fabric.cells)
    stuck = torch.where(bit, nothing if design.cell.one_sided else design.table.w_rest, fabric[STUCK])
    return replace(fabric, values=fabric.values | {STUCK: torch.where(word & ~bit, nothing, stuck)})
