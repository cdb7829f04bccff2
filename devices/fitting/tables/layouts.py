"""Conversion of every layout to the long form: one reading per row, with device name and SI units."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from memsim.devices.fitting.tables.columns import Column, Columns
from memsim.devices.fitting.tables.identity import NO_READING, SUMMARY
from memsim.devices.fitting.tables.ohms_law import READ, conductances, read_by_current


@dataclass(frozen=True)
class Long:
    """Readings in long form, one per row; NaN for missing values."""

    origin: str
    device: tuple[str, ...]  #: names of devices
    which: np.ndarray  #: index of the device of each reading (R,)
    values: dict[str, np.ndarray]  #: values by quantity, in SI units (R,)
    notes: list[str] = field(default_factory=list)

    def take(self, rows: np.ndarray) -> Long:
        """Return some of the readings; rows: boolean or indices."""
        return replace(self, which=self.which[rows], values={q: v[rows] for q, v in self.values.items()})

    def without_offset(self, offset: float) -> Long:
        """Return the readings with an offset of the instrument [S] subtracted from the conductances."""
        if not offset:
            return self
        shifted = {"conductance": self.values["conductance"] - offset}
        return replace(
            self, values=self.values | shifted, notes=[*self.notes, f"an offset of {offset:g} S subtracted"]
        )


def long_form(columns: Columns, quantities: tuple[str, ...], extra: dict[str, np.ndarray]) -> Long:
    """Return the readings of a table in long form.

    quantities: columns of numbers besides the conductance; extra: further numbers for each row of the table.
    Raises ValueError for invalid cells, with column, line and cell.
    """
    count = len(columns.table.rows)
    values = {q: columns.numbers(q) for q in quantities} | extra
    if not columns.several:
        if wanted := _measured(columns):
            values["conductance"] = siemens(columns, wanted)
        names, which = _by_name(columns, count)
        named = [q for q in (*quantities, "device") if q in columns.found]
        notes = [f"{q} from {columns.found[q].header.text!r}" for q in named]
        notes += [f"conductance from {wanted.header.text!r}"] if wanted else []
        if read_by_current(columns):
            values["conductance"] = conductances(columns)
            where = (
                columns.found[READ].header.text if READ in columns.found else f"{columns.constant[READ]} V"
            )
            notes.append(f"conductance from {columns.found['current'].header.text!r} / {where!r}")
        notes += [] if "device" in columns else ["no column names devices: one device"]
        return Long(columns.table.origin, names, which, values, notes + _unused(columns))
    devices = columns.several
    values = {q: np.tile(v, len(devices)) for q, v in values.items()}
    values["conductance"] = np.concatenate([siemens(columns, one) for one in devices])
    names = tuple(one.header.name for one in devices)
    first, last = devices[0].header.text, devices[-1].header.text
    notes = [f"{len(devices)} columns of devices, {first!r} to {last!r}"]
    notes += [f"{q} from {columns.found[q].header.text!r}" for q in quantities if q in columns.found]
    which = np.repeat(np.arange(len(devices)), count)
    return Long(columns.table.origin, names, which, values, notes + _unused(columns))


def siemens(columns: Columns, column: Column) -> np.ndarray:
    """Return the conductances [S] of a column of conductances or resistances.

    Raises ValueError for readings over range and for resistances that are not above 0.
    """
    found = columns.si(column)
    table, text = columns.table, column.header.text
    over = np.abs(found) > 1e30
    if over.any():
        at = int(over.argmax())
        raise ValueError(
            f"{table.origin}, line {table.lines[at]}: {text} = {table.rows[at][column.index]}: instruments"
            " write that for a reading over range; leave the cell blank"
        )
    if column.header.unit and column.header.unit.dimension == "resistance":
        if (found <= 0).any():
            at = int((found <= 0).argmax())
            raise ValueError(
                f"{table.origin}, line {table.lines[at]}: {text} = {table.rows[at][column.index]}: a"
                " resistance is above 0; leave a reading that failed blank"
            )
        return 1.0 / found
    return found


def _measured(columns: Columns) -> Column | None:
    """Return the column of conductances or resistances, or None."""
    return columns.found.get("conductance") or columns.found.get("resistance")


def _by_name(columns: Columns, count: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names of the devices, sorted, and the index of the device of each row."""
    if "device" not in columns:
        return ("device",), np.zeros(count, int)
    texts = [text.strip() for text in columns.texts("device")]
    blank = next((i for i, text in enumerate(texts) if not text), None)
    if blank is not None:
        table = columns.table
        raise ValueError(
            f"{table.origin}, line {table.lines[blank]}: no device is named; merged cells of a spreadsheet?"
            " Write the name in every row"
        )
    summary = next((i for i, text in enumerate(texts) if text.lower() in SUMMARY), None)
    if summary is not None:
        table = columns.table
        raise ValueError(
            f"{table.origin}, line {table.lines[summary]}: device = {texts[summary]!r}: {NO_READING}"
        )
    names, which = np.unique(np.array(texts), return_inverse=True)
    return tuple(names.tolist()), which


def _unused(columns: Columns) -> list[str]:
    rest = columns.unused
    return [f"not used: {', '.join(map(repr, rest[:6]))}{', ...' if len(rest) > 6 else ''}"] if rest else []
