"""A report's table on the terminal: words may break over lines, a number with its interval or unit never.

Where a table is too wide, intervals stand below their numbers; where that is not enough, its columns follow
one another in several blocks, each with the columns that say what a row is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from memsim.studies.reports.table import Table

SPACE = 2  #: columns of the screen between two columns of a table
VALUE = re.compile(r"[−+\-~<>≥≤ ]*\d")
"""The beginning of a cell that is a value: it stays in one piece."""


class ScreenTable:
    """A table that fits whatever width it is printed at, title above and note below."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the table out for the width of the console."""
        yield Text(self.table.title, style="italic", justify="center")
        yield Group(*blocks(self.table.header, self.table.rows, options.max_width))
        if self.table.note:
            yield Padding(Text(self.table.note, style="dim"), (1, 0, 0, 0))


class Whole:
    """A grid that is printed as it is where it fits, and in blocks where values would be cut off."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Print the grid for the width of the console; without colours where it is divided."""
        wide = options.update(width=10_000, max_width=10_000)
        if self.grid.__rich_measure__(console, wide).maximum <= options.max_width:
            yield self.grid
            return
        if self.grid.title:
            yield _text(self.grid.title)
        columns = self.grid.columns
        header = [_text(column.header).plain for column in columns]
        rows = zip(*([_text(cell).plain for cell in column.cells] for column in columns), strict=True)
        yield Group(*blocks(header, list(rows), options.max_width, labels=1))


def _text(part: RenderableType) -> Text:
    return part if isinstance(part, Text) else Text.from_markup(str(part))


def blocks(
    header: Sequence[str], rows: Sequence[Sequence[str]], width: int, labels: int | None = None
) -> Iterator[RenderableType]:
    """Yield the table in as few blocks of columns as a screen of `width` columns takes.

    labels: number of columns that say what a row is; None: those before the first that was measured.
    """
    columns = [Column(name, [row[at] for row in rows]) for at, name in enumerate(header)]
    if sum(one.least + SPACE for one in columns) - SPACE > width:
        columns = [Column(one.name, [below(cell) for cell in one.cells]) for one in columns]
    for number, chosen in enumerate(divided(columns, width, labels)):
        if number:
            yield Text("")
        yield _block(chosen, width)


class Column(NamedTuple):
    """A column of a table: its name and its cells."""

    name: str
    cells: Sequence[str]

    @property
    def least(self) -> int:
        """The least width: of the longest value, and of the longest word of other texts."""
        pieces = self.name.split()
        for cell in self.cells:
            pieces += cell.split("\n") if VALUE.match(cell) else cell.split()
        return max(map(len, pieces), default=0)

    @property
    def full(self) -> int:
        """The width at which nothing breaks."""
        return max(len(line) for text in (self.name, *self.cells) for line in text.split("\n"))

    @property
    def measured(self) -> bool:
        """Whether it shows what was measured: its name has a unit, or a cell an interval."""
        return "[" in self.name or any("[" in cell for cell in self.cells)


def divided(columns: Sequence[Column], width: int, labels: int | None = None) -> list[list[Column]]:
    """Divide columns into blocks that fit: each begins with the columns that say what a row is."""
    labels = labels or next((at for at, one in enumerate(columns) if one.measured), 1) or 1
    first = list(columns[:labels])
    found = [[*first]]
    for one in columns[labels:]:
        used = sum(other.least + SPACE for other in found[-1])
        if len(found[-1]) > labels and used + one.least > width:
            found.append([*first])
        found[-1].append(one)
    return found


def below(cell: str) -> str:
    """Put the interval of a value below it."""
    return re.sub(r" (?=\[)", "\n", cell, count=1) if VALUE.match(cell) else cell


def widths(columns: Sequence[Column], width: int) -> list[int]:
    """Return the width of each column: the least, and of what is left what it needs, from the left."""
    left = width - sum(one.least + SPACE for one in columns) + SPACE
    out = []
    for one in columns:
        more = max(min(one.full - one.least, left), 0)
        out.append(one.least + more)
        left -= more
    return out


def _block(columns: Sequence[Column], width: int) -> Grid:
    out = Grid(box=None, pad_edge=False, padding=(0, SPACE, 0, 0))
    for one, wide in zip(columns, widths(columns, width), strict=True):
        out.add_column(Text(one.name), width=wide)
    for cells in zip(*(one.cells for one in columns), strict=True):
        out.add_row(*map(Text, cells))
    return out
