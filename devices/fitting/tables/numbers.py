"""Numbers in the cells of a table: decimal point or comma, signs as spreadsheets write them, blanks."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

_POINT = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d{1,3})?$")
_COMMA = re.compile(r"^[+-]?(\d+,\d*|,\d+)([eEdD][+-]?\d{1,3})?$")
_GROUPED = re.compile(
    r"^[+−-]?\d{1,3}(?P<sign>[,.'’ \u00a0\u202f])\d{3}(?P<more>((?P=sign)\d{3})*)"
    r"(?P<rest>((?!(?P=sign))[.,]\d*)?)([eE][+-]?\d{1,3})?$"
)
BLANK = {
    "",
    "nan",
    "na",
    "n/a",
    "#n/a",
    "#na",
    "null",
    "none",
    "--",
    "-",
    "missing",
    "#div/0!",
    "#value!",
    "---",
    "–",
    "—",
}
"""Cells that say: not measured."""


def _plain(text: str) -> str:
    return text.strip().replace("−", "-").replace("\u00a0", "").replace("\u202f", "")


def decimal_of(cells: Iterable[str], origin: str) -> str:
    """The decimal sign of a table, from its cells. Raises ValueError where both are in use."""
    comma = point = ""
    for cell in map(_plain, cells):
        if not comma and _COMMA.match(cell):
            comma = cell
        elif not point and "." in cell and _POINT.match(cell):
            point = cell
    if comma and point:
        raise ValueError(
            f"{origin} has both {comma!r} and {point!r}: one decimal sign is needed; are there separators of"
            " thousands? Export numbers without them"
        )
    return "," if comma else "."


def ungrouped(rows: list[list[str]], commas: bool, origin: str) -> tuple[list[list[str]], str]:
    """Cells without separators of thousands, and the separator found.

    An apostrophe and a blank between groups of three digits are one; a point or comma is one where a number
    has several of it, or another decimal sign after it: 2,500.00 and 1.250.000.  commas: cells are separated
    by commas.  Raises ValueError where commas before three digits can be either.
    """
    cells = [cell for row in rows for cell in row]
    groups = [match for cell in cells if (match := _GROUPED.match(cell))]
    sure = [m["sign"] for m in groups if m["sign"] not in ",." or m["more"] or m["rest"]]
    if not sure:
        either = [m[0] for m in groups if m["sign"] == "," and m[0].lstrip("+-")[0] != "0"]
        if commas and either and len(either) == sum(bool(_COMMA.match(cell)) for cell in cells):
            raise ValueError(
                f"{origin}: {either[0]!r} in a file separated by commas: a decimal comma or thousands? Export"
                " it with a decimal point and without separators of thousands"
            )
        return rows, ""
    sign = sure[0]

    def plain(cell: str) -> str:
        match = _GROUPED.match(cell)
        return cell.replace(sign, "") if match and match["sign"] == sign else cell

    return [[plain(cell) for cell in row] for row in rows], sign


def is_number(text: str) -> bool:
    """Whether a cell is a number with either decimal sign."""
    plain = _plain(text)
    return bool(_POINT.match(plain) or _COMMA.match(plain))


def is_blank(text: str) -> bool:
    """Whether a cell says that nothing was measured."""
    return _plain(text).lower() in BLANK


def number(text: str, decimal: str) -> float | None:
    """The number in a cell, NaN for a blank one, None for what is no number."""
    plain = _plain(text)
    if plain.lower() in BLANK:
        return math.nan
    if decimal == ",":
        plain = plain.replace(",", ".")
    return float(plain.replace("d", "e").replace("D", "e")) if _POINT.match(plain) else None
