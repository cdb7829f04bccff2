"""Weight matrices as the whole tiles that hold them: what a chip of tiles of one size has to build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memsim.card.chip_card import ChipCard
from memsim.energy.work import Matrix, Rewritten, Work


def whole(works: Sequence[Work | Rewritten], card: ChipCard) -> list[Work | Rewritten]:
    """Return the same work on matrices that fill their tiles; attention arrays are as large as they are."""
    return [_filled(work, card) if isinstance(work, Matrix) else work for work in works]


def _filled(work: Matrix, card: ChipCard) -> Matrix:
    section, coding = card.weights, card.weights.coding
    row_tiles, column_tiles = section.tiles(work.rows + section.bias_rows, work.columns)
    references = coding.references(column_tiles) // column_tiles
    columns = (section.tile_columns - references) // coding.lines(1)  # weights of a row in one tile
    rows = row_tiles * section.tile_rows - section.bias_rows  # `areas` adds them
    return replace(work, rows=rows, columns=column_tiles * columns)
