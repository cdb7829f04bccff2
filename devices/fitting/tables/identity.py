"""Names of devices that several columns give together, as row and column of an array, or die and device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memsim.devices.fitting.tables.headers import NAMES, Header, plain_name
from memsim.devices.fitting.tables.plain import PlainTable

PARTS = {
    "row", "col", "column", "wl", "bl", "word line", "bit line", "wordline", "bitline", "x", "y", "die",
    "chip", "wafer", "lot", "array", "site", "address", "zeile", "spalte", *NAMES["device"],
}  # fmt: skip
"""Names of columns that say which device a row is of, or where it lies."""


def join(
    table: PlainTable, headers: Sequence[Header], device: int | None, free: Sequence[int]
) -> tuple[PlainTable, Header, list[int]] | None:
    """Return the table with a last column that names the devices, its header, and the columns that it is made
    of; None where the column of devices names them.

    device: column of the devices, None if there is none; free: columns without a quantity.  Those of them
    that are part of a name are joined, as "2, 7" for row and col, where they differ within a device.
    """
    parts = [i for i in free if plain_name(headers[i].name) in PARTS]
    differing = [i for i in parts if _differs(table, device, i)]
    if not differing:
        return None
    use = sorted(parts if device is None else [device, *differing])
    rows = [[*row, _name([row[i] for i in use])] for row in table.rows]
    text = ", ".join(headers[i].text for i in use)
    joined = Header(text, text, "device", 0, None, "")
    return replace(table, header=(*table.header, text), rows=rows), joined, use


def _name(cells: list[str]) -> str:
    """Join the cells of a name; "" where one of them is blank."""
    return ", ".join(cells) if all(cell.strip() for cell in cells) else ""


def _differs(table: PlainTable, device: int | None, part: int) -> bool:
    seen: dict[str, str] = {}
    return any(
        seen.setdefault("" if device is None else row[device], row[part]) != row[part] for row in table.rows
    )


SUMMARY = {
    "mean", "average", "avg", "median", "mittelwert", "total", "sum", "summe", "min", "max", "minimum",
    "maximum", "std", "stdev", "sd", "count",
}  # fmt: skip
"""Words that begin a row, or name a column, of a spreadsheet that is no reading."""

NO_READING = "a row of a summary? Remove it, or begin it with #"
