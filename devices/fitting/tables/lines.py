"""From text to lines of cells: separator, remarks, the blocks of a file that repeats its header."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

Lines = list[tuple[int, list[str]]]  #: number of the line in the file, and its cells
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
BLANKS = {"  ": (r"\s{2,}", "blanks, two or more"), " ": (r"\s+", "blanks")}
REMARKS = ("#", "%", "//", "!")  #: what a remark begins with


def split(text: str, origin: str) -> tuple[Lines, str]:
    """Lines of cells, and what separates them: the separator under which most lines have the same number of
    cells, two or more; blanks where no other does.
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
    """A cell without the single quotation marks around it."""
    return cell[1:-1].strip() if len(cell) > 1 and cell[0] == cell[-1] == "'" else cell


def body_of(lines: Lines, header: list[str], raw: int) -> tuple[Lines, int]:
    """The lines under a header that hold readings, and how many further blocks have lines of their own
    before the header that they repeat.

    raw: cells of the line that the header stands in.  Blank lines and remarks are left out, and lines of
    other lengths before a header that is repeated; where most lines begin with "#", it belongs to the names
    of devices.
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
