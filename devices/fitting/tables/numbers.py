"""Numbers in the cells of a table: decimal point or comma, signs as spreadsheets write them, blanks."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

_POINT = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d{1,3})?$")
_COMMA = re.compile(r"^[+-]?(\d+,\d*|,\d+)([eEdD][+-]?\d{1,3})?$")
BLANK = {"", "nan", "na", "n/a", "#n/a", "#na", "null", "none", "--", "-", "missing", "#div/0!", "#value!"}
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
