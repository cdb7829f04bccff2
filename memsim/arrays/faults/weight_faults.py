"""Faults of a weight array: which devices are stuck, which lines are open, and what spares are left to do.

A word line is shared by all devices of its tile's row; a bit line by the devices in parallel on one side of a
column's pairs, so a column has two in each row tile.  A device on an open line carries no current: 0 S.
A spare row has the word line and the devices of a tile's row, a spare column the bit lines and pairs of a
column; they are faulty as all others.  Harm of a line is the sum of the squared errors that its faults make,
in units of the weights, against what is to be written; other errors of the devices are not seen.
Source of the kinds: Chen et al. (2014), Xia & Yang, Nat. Mater. 18, 309 (2019).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from memsim.arrays.faults.defects import Defects, share_by_chip
from memsim.arrays.faults.harm import Asked, LineHarm
from memsim.arrays.faults.spares import Harm, choose_lines, take_lines, turned
from memsim.arrays.faults.tiles import Tiling
from memsim.card.chip_card import ChipCard
from memsim.card.faults import FaultSection
from memsim.devices.numerics.stream import Stream
from memsim.devices.stuck import stuck_levels


class FaultMap(NamedTuple):
    """The faults of a layer's arrays, as they are used."""

    levels: list[Tensor]
    """Conductance of faulty devices, NaN of others, (S G, D, R, C) [S] for each plane of the coding, then of
    its reference columns; D of pairs is G+, G-, G+, ...
    """
    defects: Defects


@dataclass(frozen=True)
class _Map:
    """Stuck devices and open lines in tiles, spare lines last, as :mod:`memsim.arrays.faults.spares` has it.

    stuck (A, D, T, L, U, W) [S]; own (A, 1 or D, T, L, U, 1): lines that are open; across (A, 1 or D, T, 1,
    U, W): open lines that cross them.
    """

    stuck: Tensor
    own: Tensor
    across: Tensor

    @property
    def levels(self) -> Tensor:
        """The level of each faulty device [S]."""
        return torch.where(self.own | self.across, 0.0, self.stuck)

    @property
    def turned(self) -> _Map:
        """The same with columns as lines."""
        return _Map(turned(self.stuck), turned(self.across), turned(self.own))

    def with_spares(self, stuck: Tensor, own: Tensor) -> _Map:
        """Return the same with spare lines behind those of each tile."""
        return replace(self, stuck=torch.cat([self.stuck, stuck], 3), own=torch.cat([self.own, own], 3))

    def repaired(self, spares: int, harm: Harm) -> tuple[_Map, Tensor]:
        """Return the lines in use, and how many of them are spares, (A,)."""
        lines = choose_lines(self.levels, spares, harm)
        used = replace(self, stuck=take_lines(self.stuck, lines), own=take_lines(self.own, lines))
        return used, (lines >= lines.shape[2]).flatten(1).sum(1, dtype=torch.float64)


def faults_of(
    card: ChipCard, asked: Asked, reference_GDRU: Tensor | None, *, rng: Stream, tiles: tuple[int, int]
) -> FaultMap:
    """Draw the faults of a card's weight arrays and let spares take the place of the worst lines.

    reference: what the devices of reference columns carry, one column for each column tile; rng: keys (S,)
    where G = 1, else (S, G), the same for every writing of a chip; tiles: row tiles and column tiles of each
    matrix.
    """
    section, (groups, devices, rows, columns) = card.weight_faults, asked.siemens_GDRC.shape
    tiling, chips, device = Tiling(rows, columns, *tiles), len(rng.keys), asked.siemens_GDRC.device
    draw = _Draw(
        section=section, cell=card.weight_cell, rng=rng.child("faults"), tiling=tiling, devices=devices,
        planes=len(asked.factors), sides=asked.sides, where=device,
    )  # fmt: skip
    made = draw.lines()
    used, new_rows, new_columns = _repaired(made, draw, asked, chips)
    levels, before = tiling.join(used.levels), tiling.join(made.levels)
    parts, at_first = list(levels.chunk(draw.planes, 1)), [before]
    if reference_GDRU is not None:
        own = draw.references(reference_GDRU.shape[1])
        for lines, kept in ((made, at_first), (used, parts)):
            open_rows = lines.own.flatten(2, 3)[:, :, :rows, :, 0]  # (A, 1, R, U)
            kept.append(torch.where(open_rows, 0.0, own))
    lines = (groups * rows * tiles[1], groups * columns * tiles[0] * draw.planes * draw.sides)
    every_bit = made.across.unflatten(1, (draw.planes, -1))[:, :, : draw.sides]
    word, bit = (share_by_chip(x, chips, n) for x, n in zip((made.own, every_bit), lines, strict=True))
    defects = Defects(
        devices=groups * sum(x[0].numel() for x in parts),
        before_S=_share(at_first, chips),
        after_S=_share(parts, chips),
        word_lines_S=word,
        bit_lines_S=bit,
        rows_S=new_rows,
        columns_S=new_columns,
    )
    return FaultMap(parts, defects)


def _repaired(made: _Map, draw: _Draw, asked: Asked, chips: int) -> tuple[_Map, Tensor, Tensor]:
    """Return the lines in use, and how many rows and columns of each chip are spares."""
    section, none = draw.section, torch.zeros(chips, dtype=torch.float64, device=draw.where)
    if not (section.spare_rows or section.spare_columns):
        return made, none, none
    harm, taken = LineHarm.of(asked, draw.tiling, chips), [none, none]
    for n, (spare, number) in enumerate(
        ((draw.spare_rows, section.spare_rows), (draw.spare_columns, section.spare_columns))
    ):
        if number:
            made, new = made.with_spares(*spare()).repaired(number, harm)
            taken[n] = new.view(chips, -1).sum(1)
        made, harm = made.turned, harm.turned
    return made, taken[0], taken[1]


def _share(levels: list[Tensor], chips: int) -> Tensor:
    """Return the share of faulty devices of each chip."""
    return share_by_chip(torch.cat([(~x.isnan()).reshape(chips, -1) for x in levels], 1), chips)


@dataclass(frozen=True, kw_only=True)
class _Draw:
    """What is drawn of the devices and lines of a layer's tiles; shapes as in _Map."""

    section: FaultSection
    cell: Any
    rng: Stream
    tiling: Tiling
    devices: int  #: at a cross-point, over all planes
    planes: int
    sides: int  #: bit lines of a column in a plane
    where: torch.device

    def lines(self) -> _Map:
        """Return stuck devices and open lines of the tiles without spares."""
        tiling, share = self.tiling, self.section
        stuck = self._stuck(self.rng, (self.devices, tiling.rows, tiling.columns))
        word = self._open("word line", share.dead_word_lines, (tiling.column_tiles, tiling.rows))
        bit = self._open(
            "bit line", share.dead_bit_lines, (self.planes * self.sides, tiling.row_tiles, tiling.columns)
        )
        return _Map(
            tiling.cut(stuck, torch.nan),
            tiling.cut_rows(word, False).permute(0, 2, 3, 1)[:, None, ..., None],
            self._of_devices(tiling.cut_columns(bit, False)).unsqueeze(3),
        )

    def spare_rows(self) -> tuple[Tensor, Tensor]:
        """Return stuck devices (A, D, T, s, U, w) and open lines (A, 1, T, s, U, 1) of the spare rows."""
        tiling, count = self.tiling, self.section.spare_rows
        stuck = self._stuck(
            self.rng.child("spare row"), (count, self.devices, tiling.row_tiles, tiling.columns)
        )
        share, shape = self.section.dead_word_lines, (count, tiling.row_tiles, tiling.column_tiles)
        word = self._open("spare word line", share, shape)
        stuck = tiling.cut_columns(stuck, torch.nan).permute(0, 2, 3, 1, 4, 5)
        return stuck, word.permute(0, 2, 1, 3)[:, None, ..., None]

    def spare_columns(self) -> tuple[Tensor, Tensor]:
        """Return stuck devices (A, D, U, s, T, h) and open lines (A, D, U, s, T, 1) of the spare columns."""
        tiling, count = self.tiling, self.section.spare_columns
        stuck = self._stuck(
            self.rng.child("spare column"), (count, self.devices, tiling.column_tiles, tiling.rows)
        )
        share, shape = (
            self.section.dead_bit_lines,
            (count, self.planes * self.sides, tiling.column_tiles, tiling.row_tiles),
        )
        bit = self._open("spare bit line", share, shape).permute(0, 2, 3, 1, 4)
        stuck = tiling.cut_rows(stuck, torch.nan).permute(0, 2, 3, 1, 4, 5)
        return stuck, self._of_devices(bit).unsqueeze(-1)

    def references(self, devices: int) -> Tensor:
        """Return levels of faulty devices of the reference columns (A, D, R, U), open word lines left out."""
        tiling, rng = self.tiling, self.rng.child("reference")
        stuck = self._stuck(rng, (devices, tiling.rows, tiling.column_tiles))
        share, shape = self.section.dead_bit_lines, (tiling.row_tiles, tiling.column_tiles)
        bit = self._open("reference bit line", share, shape).repeat_interleave(tiling.height, 1)
        return torch.where(bit[:, None, : tiling.rows], 0.0, stuck)

    def _of_devices(self, bit: Tensor) -> Tensor:
        """Return the bit lines (A, planes x sides, ...) by device, (A, D, ...)."""
        each = bit.unflatten(1, (self.planes, 1, self.sides))
        parallel = self.devices // (self.planes * self.sides)
        return each.repeat(1, 1, parallel, *[1] * (each.dim() - 3)).flatten(1, 3)

    def _stuck(self, rng: Stream, shape: tuple[int, ...]) -> Tensor:
        """Return levels of stuck devices [S], NaN of free ones, (A, *shape)."""
        low, high = self.cell.g_min, self.cell.g_max
        levels = stuck_levels(shape, self.section.stuck, low, high, rng=rng, device=self.where)
        return levels.flatten(0, -len(shape) - 1)

    def _open(self, name: str, share: float, shape: tuple[int, ...]) -> Tensor:
        """Return which lines are open, (A, *shape)."""
        return (self.rng.child(name).uniform(shape, device=self.where) < share).flatten(0, -len(shape) - 1)
