"""Parsing of numbers in the cells of a table: decimal points or commas, signs of spreadsheets, blanks."""

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
"""Texts of cells that mean "not measured"."""


_TEXT = re.compile(r"""^(="(?P<formula>[^"]*)"|'(?P<mark>[+−-]?[\d.,].*))$""")
"""A number that a spreadsheet was told to keep as text: ="2.5" or '2.5."""


def _plain(text: str) -> str:
    if match := _TEXT.match(text.strip()):
        text = match["formula"] or match["mark"] or ""
    return text.strip().replace("−", "-").replace("\u00a0", "").replace("\u202f", "")


def decimal_of(cells: Iterable[str], origin: str) -> str:
    """Return the decimal sign of a table, from its cells. Raises ValueError if both signs occur."""
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
    """Return the cells without thousands separators, and the separator that was found.

    Apostrophes and blanks between groups of three digits are thousands separators; points and commas are if a
    number has several of them, or another decimal sign after them, as in 2,500.00 and 1.250.000.  commas:
    whether cells are separated by commas.  Raises ValueError if a comma before three digits is ambiguous.
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
    """Return whether a cell is a number with either decimal sign."""
    plain = _plain(text)
    return bool(_POINT.match(plain) or _COMMA.match(plain))


def is_blank(text: str) -> bool:
    """Return whether a cell means that nothing was measured."""
    return _plain(text).lower() in BLANK


def number(text: str, decimal: str) -> float | None:
    """Return the number in a cell, NaN for a blank cell, None for other text."""
    plain = _plain(text)
    if plain.lower() in BLANK:
        return math.nan
    if decimal == ",":
        plain = plain.replace(",", ".")
    return float(plain.replace("d", "e").replace("D", "e")) if _POINT.match(plain) else None
