"""A table of a report: cells are text, ready to be read; the numbers themselves are in the CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class Table:
    """Header with units in brackets, rows of text as long as it, and a note that says how to read it."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
