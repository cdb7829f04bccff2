"""From lines of cells to a plain table: preamble, header, rows of equal length, decimal sign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from memsim.devices.fitting.tables.encoding import decode
from memsim.devices.fitting.tables.lines import Lines, body_of, split
from memsim.devices.fitting.tables.numbers import decimal_of, is_blank, is_number, ungrouped
from memsim.devices.fitting.tables.units import unit_of

HEAD = 200  #: lines within which the header is looked for


@dataclass(frozen=True)
class PlainTable:
    """Cells of a file as text, under a header."""

    origin: str
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int | str]  #: of the file, in which each row stands
    decimal: str
    notes: tuple[str, ...]  #: what was understood of the file
    blocks: int = 0  #: further blocks, with lines of their own before the header that they repeat

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
    lines, separator = split(text, origin)
    at = _header_at(lines, known, origin)
    preamble = sum(any(row) for _, row in lines[:at])
    header, body = [cell.lstrip("# ") for cell in lines[at][1]], lines[at + 1 :]
    raw = len(header)
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
    body, blocks = body_of(body, named, raw)
    rows = [_fitted(row, raw, line, header, origin) for line, row in body]
    if not rows:
        raise ValueError(f"{origin}: no readings under the header {', '.join(header)}")
    rows, grouped = ungrouped(rows, separator == "commas", origin)
    decimal = decimal_of((cell for row in rows for cell in row), origin)
    notes = [encoding, f"separated by {separator}"]
    notes += [f"thousands separated by {grouped!r}"] if grouped else []
    notes += ["decimal comma"] if decimal == "," else []
    notes += [f"{preamble} line{'s' * (preamble != 1)} before the header"] if preamble else []
    notes += [f"{blocks} further block(s) with lines before their header"] if blocks else []
    return PlainTable(origin, tuple(header), rows, [n for n, _ in body], decimal, tuple(notes), blocks)


def _header_at(lines: Lines, known: Callable[[str], bool], origin: str) -> int:
    """Place of the header: the line near the top in which most cells name a quantity, the longest."""
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


_AROUND = "[]() "
_NO_UNIT = {"1", "#", "-", "–", "none", "n/a", "no.", "index", "count"}


def _is_units(row: list[str], header: list[str]) -> bool:
    """Whether a row below the header holds units alone."""
    cells = [cell.strip(_AROUND) for cell in row]
    units = [bool(unit_of(cell)) for cell in cells]
    other = [cell for cell, unit in zip(cells, units, strict=True) if cell and not unit]
    return any(units) and len(row) <= len(header) + 1 and {cell.lower() for cell in other} <= _NO_UNIT


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
