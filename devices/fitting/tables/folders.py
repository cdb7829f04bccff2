"""Folders with one table per device, which are read as one table with the file names as column "device"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from memsim.devices.fitting.tables.numbers import is_number
from memsim.devices.fitting.tables.plain import PlainTable, load

SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".gz")
MOST = 10_000  #: largest number of files of a folder


def load_folder(path: Path, known: Callable[[str], bool], names: Callable[[str], bool]) -> PlainTable:
    """Read the tables of a folder as one table.

    known: whether a text is the header of a quantity; names: whether a header names devices, in which case
    the file names do not.  Raises ValueError for a folder without tables, for files with different headers,
    and as `load`.
    """
    files = sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith("."))
    if not files or len(files) > MOST:
        raise ValueError(
            f"{path} is a folder with {len(files) or 'no'} tables ({', '.join(SUFFIXES)}): give one table,"
            f" or a folder with one for each device, {MOST} at most"
        )
    tables = [load(file, known) for file in files]
    first = tables[0]
    for file, table in zip(files, tables, strict=True):
        if table.header != first.header:
            raise ValueError(
                f"{file} has the columns {', '.join(table.header)[:200]}, and {files[0].name}"
                f" {', '.join(first.header)[:200]}: tables of a folder need the same columns"
            )
    apart = not any(names(text) for text in first.header)
    if apart and len({_name(file) for file in files}) < len(files):
        raise ValueError(f"{path}: files without their endings have the same name, and each is one device")
    rows, lines = [], []
    for file, table in zip(files, tables, strict=True):
        rows += [[_name(file), *row] if apart else row for row in _with_points(table)]
        lines += [f"{line} of {file.name}" for line in table.lines]
    notes = (*first.notes, f"{len(files)} files" + (", one a device" if apart else _shared(tables, names)))
    header = ("device", *first.header) if apart else first.header
    return replace(first, origin=str(path), header=header, rows=rows, lines=lines, decimal=".", notes=notes)


def _shared(tables: list[PlainTable], names: Callable[[str], bool]) -> str:
    """Return a note on devices that several files name: they are the same devices, measured again."""
    at = next(i for i, text in enumerate(tables[0].header) if names(text))
    places = Counter(name for table in tables for name in {row[at].strip() for row in table.rows})
    shared = sorted(name for name, count in places.items() if count > 1)
    return f"; devices in several of them are the same: {', '.join(shared[:6])}" if shared else ""


def _name(file: Path) -> str:
    return Path(file.stem).stem if file.suffix.lower() == ".gz" else file.stem


def _with_points(table: PlainTable) -> list[list[str]]:
    """Return the rows of a table with decimal points instead of decimal commas."""
    if table.decimal == ".":
        return table.rows
    return [[cell.replace(",", ".") if is_number(cell) else cell for cell in row] for row in table.rows]
