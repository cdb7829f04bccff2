"""From text to a plain table: separator, preamble, header, rows of equal length, decimal sign."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from memsim.devices.fitting.tables.encoding import decode
from memsim.devices.fitting.tables.numbers import decimal_of, is_blank, is_number
from memsim.devices.fitting.tables.units import unit_of

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
HEAD = 200  #: lines within which the header is looked for
_Lines = list[tuple[int, list[str]]]


@dataclass(frozen=True)
class PlainTable:
    """Cells of a file as text, under a header."""

    origin: str
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]  #: of the file, in which each row stands
    decimal: str
    notes: tuple[str, ...]  #: what was understood of the file

    def column(self, index: int) -> list[str]:
        """The cells of a column."""
        return [row[index] for row in self.rows]


def load(path: str | Path, known: Callable[[str], bool]) -> PlainTable:
    """Read a file. Raises ValueError naming the file, the line and the remedy for what is no table."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    return from_bytes(data, str(path), known)


def from_bytes(data: bytes, origin: str, known: Callable[[str], bool]) -> PlainTable:
    """Read the bytes of a table; known: whether a cell is the header of a quantity."""
    text, encoding = decode(data, origin)
    lines, separator = _split(text, origin)
    at = _header_at(lines, known, origin)
    preamble = sum(any(row) for _, row in lines[:at])
    header, body = [cell.lstrip("# ") for cell in lines[at][1]], lines[at + 1 :]
    raw = len(header)
    while header and not header[-1]:
        header.pop()
    if body and _is_units(body[0][1], header):
        pairs = zip(header, body[0][1], strict=False)
        header = [f"{name} [{unit.strip('[]() ')}]" if unit else name for name, unit in pairs]
        body = body[1:]
    body = [(n, r) for n, r in body if any(r) and not r[0].startswith("#") and r[: len(header)] != header]
    rows = [_fitted(row, raw, line, header, origin) for line, row in body]
    if not rows:
        raise ValueError(f"{origin}: no readings under the header {', '.join(header)}")
    decimal = decimal_of((cell for row in rows for cell in row), origin)
    notes = [encoding, f"separated by {SEPARATORS[separator]}"]
    notes += ["decimal comma"] if decimal == "," else []
    notes += [f"{preamble} line{'s' * (preamble != 1)} before the header"] if preamble else []
    return PlainTable(origin, tuple(header), rows, [n for n, _ in body], decimal, tuple(notes))


def _split(text: str, origin: str) -> tuple[_Lines, str]:
    """Lines of cells by the separator under which most lines have the same number of cells, two or more."""
    if not text.strip():
        raise ValueError(f"{origin} is empty")
    best, found = (0, 0), None
    for separator in SEPARATORS:
        lines = _cells(text, separator, origin)
        widths = Counter(len(row) for _, row in lines if len(row) > 1)
        if widths:
            width, count = max(widths.items(), key=lambda one: (one[1], one[0]))
            if (count, width) > best:
                best, found = (count, width), (lines, separator)
    if found is None:
        raise ValueError(
            f"{origin}: no line has two cells; columns separated by commas, semicolons or tabs are read"
        )
    return found


def _cells(text: str, separator: str, origin: str) -> _Lines:
    table = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        return [(table.line_num, [cell.strip() for cell in row]) for row in table]
    except csv.Error as error:
        raise ValueError(
            f"{origin}, line {table.line_num}: {error}; is a quotation mark left open?"
        ) from None


def _header_at(lines: _Lines, known: Callable[[str], bool], origin: str) -> int:
    """Place of the header: the line near the top in which most cells name a quantity, the longest."""
    best, at = (0, 0), -1
    for place, (_, row) in enumerate(lines[:HEAD]):
        names = [cell.lstrip("# ") for cell in row]
        score = sum(bool(name) and not is_number(name) and known(name) for name in names)
        if score and (score, sum(map(bool, names))) > best:
            best, at = (score, sum(map(bool, names))), place
    if at < 0:
        first = next((row for _, row in lines if any(row)), [])
        raise ValueError(
            f"{origin}: no line names its columns (the first is {', '.join(first)[:80]!r}): a header like"
            " device, pulse, direction, conductance [uS] is needed, or --columns device=...,pulse=..."
        )
    return at


def _is_units(row: list[str], header: list[str]) -> bool:
    """Whether a row below the header holds units alone."""
    cells = [cell.strip("[]() ") for cell in row if cell]
    units = [unit_of(cell) for cell in cells]
    return (
        any(units)
        and len(row) <= len(header) + 1
        and all(u or c in ("1", "#") for u, c in zip(units, cells, strict=True))
    )


def _fitted(row: list[str], raw: int, line: int, header: list[str], origin: str) -> list[str]:
    """A row as long as the header; cells beyond it that are blank, or have a blank name, are dropped."""
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
