"""Conductances from currents and the read voltage: G = I / V."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from memsim.devices.fitting.tables.columns import Columns

READ = "read voltage"
_MEASURED = {"conductance", "resistance"}


def with_read_voltage(columns: Columns) -> Columns:
    """Identify the read voltage of currents in pulse, retention or write curves.

    It is a column with that name (V_read), or the only voltage of a table in which another column gives the
    direction, or a constant voltage in a table with times.  Raises ValueError for pulse curves with currents
    but without read voltage.
    """
    there = columns.found.keys()
    if "current" not in there or columns.several or _MEASURED & there:
        return columns
    ordered = {"pulse", "time", "target"} & there
    if READ in columns:
        return columns if ordered else _renamed(columns, READ, "voltage")
    if "voltage" in there and ordered:
        pulses = "pulse" in there and "direction" in columns
        if pulses or ("pulse" not in there and _constant(columns)):
            return _renamed(columns, "voltage", READ)
    if "pulse" in there:
        raise ValueError(
            f"{columns.table.origin}: {columns.found['current'].header.text!r} is a current: the voltage that"
            f' it was read at is needed, as a column V_read [V] or --columns "{READ} [V]=0.1"'
        )
    return columns


def read_by_current(columns: Columns) -> bool:
    """Return whether conductances must be computed from currents and a read voltage."""
    return READ in columns and "current" in columns.found and not _MEASURED & columns.found.keys()


def conductances(columns: Columns) -> np.ndarray:
    """Return I / V of each row [S]. Raises ValueError for a voltage of 0 and for currents over range."""
    current = columns.numbers("current")
    voltage = columns.numbers(READ)
    table = columns.table
    wrong = (np.abs(current) > 1e30) | (voltage == 0)
    if wrong.any():
        at = int(wrong.argmax())
        what = f"a read voltage of 0 with a current of {current[at]:g} A"
        what = what if voltage[at] == 0 else f"a current of {current[at]:g} A, which is over range"
        raise ValueError(f"{table.origin}, line {table.lines[at]}: {what}: leave the cell blank")
    return current / voltage


def _renamed(columns: Columns, old: str, new: str) -> Columns:
    if old not in columns.found:
        return columns
    found = dict(columns.found)
    column = found.pop(old)
    found[new] = replace(column, header=replace(column.header, quantity=new))
    return replace(columns, found=found)


def _constant(columns: Columns) -> bool:
    voltage = columns.numbers("voltage")
    return len(np.unique(voltage[~np.isnan(voltage)])) == 1
