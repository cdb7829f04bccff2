"""Splitting of text into lines of cells: separators, remarks, and files with repeated headers."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

Lines = list[tuple[int, list[str]]]  #: pairs of a line number in the file and the cells of this line
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
BLANKS = {"  ": (r"\s{2,}", "blanks, two or more"), " ": (r"\s+", "blanks")}
REMARKS = ("#", "%", "//", "!")  #: marks at the beginning of remarks


def split(text: str, origin: str) -> tuple[Lines, str]:
    """Return the lines of cells and the name of their separator.

    The separator is the one for which most lines have the same number of cells, two or more; blanks are tried
    if there is no other.  Raises ValueError for an empty file and for text without such a separator.
    """
    if not text.strip():
        raise ValueError(f"{origin} is empty")
    found = _best({name: _cells(text, separator, origin) for separator, name in SEPARATORS.items()})
    found = found or _best({name: _between_blanks(text, pattern) for pattern, name in BLANKS.values()})
    if found is None:
        raise ValueError(
            f"{origin}: no line has two cells; columns separated by commas, semicolons, tabs or blanks are"
            " read"
        )
    return found


def _best(tables: dict[str, Lines]) -> tuple[Lines, str] | None:
    best, found = (0, 0), None
    for name, lines in tables.items():
        widths = Counter(len(row) for _, row in lines if len(row) > 1)
        if widths:
            width, count = max(widths.items(), key=lambda one: (one[1], one[0]))
            if (count, width) > best:
                best, found = (count, width), (lines, name)
    return found


def _cells(text: str, separator: str, origin: str) -> Lines:
    table = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        return [(table.line_num, [_unquoted(cell.strip()) for cell in row]) for row in table]
    except csv.Error as error:
        raise ValueError(
            f"{origin}, line {table.line_num}: {error}; is a quotation mark left open?"
        ) from None


def _between_blanks(text: str, pattern: str) -> Lines:
    lines = [re.sub(r"^#\s+", "#", line.strip()) for line in text.splitlines()]
    return [(n, [_unquoted(cell) for cell in re.split(pattern, line)]) for n, line in enumerate(lines, 1)]


def _unquoted(cell: str) -> str:
    """Return a cell without surrounding single quotation marks."""
    return cell[1:-1].strip() if len(cell) > 1 and cell[0] == cell[-1] == "'" else cell


def body_of(lines: Lines, header: list[str], raw: int) -> tuple[Lines, int]:
    """Return the lines with readings below a header, and the number of further blocks with their own
    preamble.

    raw: number of cells in the line of the header.  Blank lines, remarks, and lines of other lengths before a
    repeated header are left out.  If most lines begin with "#", it is part of the names of devices.
    """
    marked = sum(row[0].startswith("#") for _, row in lines if any(row))
    named = 2 * marked > sum(any(row) for _, row in lines)
    remarks = tuple(mark for mark in REMARKS if not (named and mark == "#"))
    out: Lines = []
    blocks = 0
    for number, row in lines:
        if [cell.lstrip("# ") for cell in row[: len(header)]] == header:
            before = len(out)
            while out and len(out[-1][1]) not in (raw, len(header)):
                out.pop()
            blocks += len(out) < before
        elif any(row) and not row[0].startswith(remarks):
            out.append((number, row))
    return out, blocks
