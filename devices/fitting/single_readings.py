"""Reading of tables without order: writes with read-back, I-V curves, conductances at temperatures,
endurance.
"""

from __future__ import annotations

import numpy as np

from memsim.devices.check import HIGHEST, LOWEST
from memsim.devices.fitting.measurements import (
    CurrentTable,
    FailureTable,
    ProgrammingTable,
    TemperatureTable,
    check_conductance,
)
from memsim.devices.fitting.tables.columns import Columns
from memsim.devices.fitting.tables.layouts import Long, long_form, siemens

_YES = {"1", "yes", "true", "y", "failed", "dead", "broken", "ja", "oui", "sí", "si", "sì", "是"}
_NO = {"0", "no", "false", "n", "alive", "", "nein", "non", "否"}


def writes(columns: Columns, offset: float) -> tuple[ProgrammingTable, list[str]]:
    """Return targets and conductances read back [S], with notes; a target may also be a resistance."""
    target = siemens(columns, columns.found["target"])
    long = long_form(columns, (), {"target": target}).without_offset(offset)
    kept, notes = _whole(long, "target", "conductance")
    for what in ("target", "conductance"):
        check_conductance(kept.values[what], long.origin)
    table = ProgrammingTable(kept.device, kept.values["target"], kept.values["conductance"])
    levels = len(np.unique(table.target))
    return table, [
        *notes,
        f"{len(table.read)} write(s) of {len(long.device)} device(s) to {levels} target(s)",
    ]


def currents(columns: Columns, offset: float) -> tuple[CurrentTable, list[str]]:
    """Return currents of voltage sweeps, with notes.  Raises ValueError above 100 V or 1 A, or for an
    offset.
    """
    if offset:
        raise ValueError(f"{columns.table.origin}: --offset is of conductances; these are currents")
    long = long_form(columns, ("voltage", "current"), {})
    kept, notes = _whole(long, "voltage", "current")
    v, i = kept.values["voltage"], kept.values["current"]
    if np.abs(v).max() > 100 or np.abs(i).max() > 1:
        raise ValueError(
            f"{long.origin}: voltages up to {np.abs(v).max():.3g} V and currents up to {np.abs(i).max():.3g}"
            " A: at most 100 V and 1 A; is the unit in the header right?"
        )
    there, which = np.unique(kept.which, return_inverse=True)
    names = tuple(long.device[n] for n in there)
    notes.append(f"I-V curves of {len(names)} device(s), {v.min():.3g} to {v.max():.3g} V")
    return CurrentTable(names, which, v, i), notes


def temperatures(columns: Columns, offset: float) -> tuple[TemperatureTable, list[str]]:
    """Return conductances of devices at several temperatures, with notes."""
    long = long_form(columns, ("temperature",), {}).without_offset(offset)
    kept, notes = _whole(long, "temperature", "conductance")
    check_conductance(kept.values["conductance"], long.origin)
    kelvin(kept.values["temperature"], long.origin)
    there, which = np.unique(kept.which, return_inverse=True)
    at = np.unique(kept.values["temperature"])
    notes.append(
        f"conductances of {len(there)} device(s) at {len(at)} temperatures, {at[0]:g} to {at[-1]:g} K"
    )
    names = tuple(long.device[n] for n in there)
    return TemperatureTable(names, which, kept.values["temperature"], kept.values["conductance"]), notes


def kelvin(values: np.ndarray, origin: str) -> None:
    """Raise ValueError for temperatures [K] outside the range in which activation energies are used."""
    wrong = values[~((values >= LOWEST) & (values <= HIGHEST))]
    if len(wrong):
        raise ValueError(
            f"{origin}: temperature [K] = {wrong[0]:g}: {LOWEST:g} to {HIGHEST:g} K are allowed; degrees"
            " Celsius have the unit °C in the header"
        )


def failures(columns: Columns, offset: float) -> tuple[FailureTable, list[str]]:
    """Return the cycles of each device, with notes; without a column "failed" all devices have failed."""
    if offset:
        raise ValueError(f"{columns.table.origin}: --offset is of conductances; these are cycles")
    extra = {"failed": _failed(columns)} if "failed" in columns.found else {}
    long = long_form(columns, ("failure",), extra)
    kept, notes = _whole(long, "failure")
    cycles = kept.values["failure"]
    if cycles.min() < 1 or cycles.max() >= 1e18:
        raise ValueError(
            f"{long.origin}: cycles = {cycles.min():g} to {cycles.max():g}: 1 to 1e18 are allowed"
        )
    failed = kept.values.get("failed", np.ones(len(cycles))) > 0
    notes.append(f"cycles of {len(cycles)} device(s), {int((~failed).sum())} alive at the end")
    return FailureTable(kept.device, cycles, failed), notes


def _failed(columns: Columns) -> np.ndarray:
    table, out = columns.table, []
    for text, line in zip(columns.texts("failed"), table.lines, strict=True):
        word = text.strip().lower()
        if word not in _YES | _NO:
            raise ValueError(f"{table.origin}, line {line}: failed = {text[:40]!r}: yes or no is needed")
        out.append(float(word in _YES))
    return np.array(out)


def _whole(long: Long, *quantities: str) -> tuple[Long, list[str]]:
    """Return the readings in which all these quantities were measured. Raises ValueError if there is none."""
    there = np.all([np.isfinite(long.values[q]) for q in quantities], axis=0)
    if not there.any():
        raise ValueError(f"{long.origin}: no line has {' and '.join(quantities)}: all cells are blank")
    blank = int((~there).sum())
    return long.take(there), [*long.notes, *([f"{blank} line(s) not measured"] if blank else [])]
