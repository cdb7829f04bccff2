"""Conversion of lines of cells to a plain table: preamble, header, rows of equal length, decimal sign."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from memsim.devices.fitting.tables.encoding import decode
from memsim.devices.fitting.tables.lines import Lines, body_of, split
from memsim.devices.fitting.tables.numbers import decimal_of, is_blank, is_number, ungrouped
from memsim.devices.fitting.tables.second_line import named as named_by
from memsim.devices.fitting.tables.second_line import spread, under
from memsim.devices.fitting.tables.units import unit_of

HEAD = 200  #: number of lines in which the header is searched


@dataclass(frozen=True)
class PlainTable:
    """Cells of a file as text, with a header."""

    origin: str
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int | str]  #: line number of each row in the file
    decimal: str  #: decimal sign
    notes: tuple[str, ...]  #: how the file was read, for the user
    blocks: int = 0  #: number of further blocks that repeat the header after their own preamble

    def column(self, index: int) -> list[str]:
        """Return the cells of a column."""
        return [row[index] for row in self.rows]


def load(path: str | Path, known: Callable[[str], bool]) -> PlainTable:
    """Read a file; known: whether a cell is the header of a quantity.

    Raises ValueError for files that are not tables; the message names file, line and remedy.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    return from_bytes(data, str(path), known)


def from_bytes(data: bytes, origin: str, known: Callable[[str], bool]) -> PlainTable:
    """Read the bytes of a table; origin: its name in messages.  Otherwise as `load`."""
    text, encoding = decode(data, origin)
    lines, separator = split(text, origin)
    lines = [(number, row) for number, row in lines if not _is_rule(row)]
    at = _header_at(lines, known, origin)
    preamble = sum(any(row) for _, row in lines[:at])
    header, body = [cell.lstrip("# ") for cell in lines[at][1]], lines[at + 1 :]
    raw = len(header)
    if body:
        header = spread(header, body[0][1])
    while header and not header[-1]:
        header.pop()
    named = list(header)
    if body and _is_units(body[0][1], header):
        pairs = zip(header, body[0][1], strict=False)
        header = [
            f"{name} [{unit.strip(_AROUND)}]" if unit_of(unit.strip(_AROUND)) else name
            for name, unit in pairs
        ]
        body = body[1:]
    if body and (names := named_by(header, body[0][1])):
        header, body = names, body[1:]
    elif at and (names := named_by(header, lines[at - 1][1])):
        header = names
    elif at:
        header = under(header, lines[at - 1][1])
    body, blocks = body_of(body, named, raw)
    rows = [_fitted(row, raw, line, header, origin) for line, row in body]
    if not rows:
        raise ValueError(f"{origin}: no readings under the header {', '.join(header)}")
    rows, grouped = ungrouped(rows, separator == "commas", origin)
    header, twice = _once(header, rows)
    decimal = decimal_of((cell for row in rows for cell in row), origin)
    notes = [encoding, f"separated by {separator}"]
    notes += [f"thousands separated by {grouped!r}"] if grouped else []
    notes += [f"the same column twice: {', '.join(map(repr, twice))}"] if twice else []
    notes += ["decimal comma"] if decimal == "," else []
    notes += [f"{preamble} line{'s' * (preamble != 1)} before the header"] if preamble else []
    notes += [f"{blocks} further block(s) with lines before their header"] if blocks else []
    return PlainTable(origin, tuple(header), rows, [n for n, _ in body], decimal, tuple(notes), blocks)


def _header_at(lines: Lines, known: Callable[[str], bool], origin: str) -> int:
    """Return the index of the header: the line near the top with most names of quantities, then most
    cells.
    """
    best, at = (0, 0), -1
    for place, (_, row) in enumerate(lines[:HEAD]):
        names = [cell.lstrip("# ") for cell in row]
        score = sum(name[:1] not in ("", "[", "(") and not is_number(name) and known(name) for name in names)
        if score and (score, sum(map(bool, names))) > best:
            best, at = (score, sum(map(bool, names))), place
    if at < 0:
        first = next((row for _, row in lines if any(row)), [])
        raise ValueError(
            f"{origin}: no line names its columns (the first is {', '.join(first)[:80]!r}): a header like"
            " device, pulse, direction, conductance [uS] is needed, or --columns device=...,pulse=..."
        )
    return at


def _once(header: list[str], rows: list[list[str]]) -> tuple[list[str], list[str]]:
    """Return the header without the names of columns that repeat an earlier one cell by cell, and these."""
    out, twice = list(header), []
    for i, text in enumerate(header):
        first = header.index(text)
        if text and first < i and all(row[i] == row[first] for row in rows):
            out[i] = ""
            twice.append(text)
    return out, twice


def _is_rule(row: list[str]) -> bool:
    """Return whether a line only separates a header from its rows, as |---|:--:| does."""
    cells = [cell for cell in row if cell]
    rule = len(cells) > 1 and all(re.fullmatch(r":?-+:?|=+", cell) for cell in cells)
    return rule and any(len(cell) > 2 for cell in cells)


_AROUND = "[]() "
_NO_UNIT = {"1", "#", "-", "–", "none", "n/a", "no.", "index", "count"}


def _is_units(row: list[str], header: list[str]) -> bool:
    """Return whether a row below the header contains only units."""
    cells = [cell.strip(_AROUND) for cell in row]
    units = [bool(unit_of(cell)) for cell in cells]
    other = [cell for cell, unit in zip(cells, units, strict=True) if cell and not unit]
    return any(units) and len(row) <= len(header) + 1 and {cell.lower() for cell in other} <= _NO_UNIT


def _fitted(row: list[str], raw: int, line: int, header: list[str], origin: str) -> list[str]:
    """Return a row with the length of the header, without blank cells or unnamed columns at its end.

    Raises ValueError for a row of another length.
    """
    width = len(header)
    while len(row) > width and is_blank(row[-1]):
        row = row[:-1]
    if width <= len(row) <= raw:
        return row[:width]
    more = len(row) > width
    hint = (
        "; are there decimal commas in a file separated by commas? Export it with semicolons"
        if more
        else "; is it cut off, or a remark (begin that with #)? A reading that was not made is a blank cell"
    )
    raise ValueError(
        f"{origin}, line {line}: {len(row)} values under the {width} names {', '.join(header)[:200]}{hint}"
    )
