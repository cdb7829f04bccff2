"""Reading of measured tables: the kind of measurement follows from the columns, and is reported to the user.

    found = understand("curves.csv", columns="device=Dev", offset=-1.3e-6)
    found.curves; print(found)

Pulse curves have pulse numbers, a direction and a conductance or resistance; retention curves a time and a
conductance, and optionally a temperature; writes a target and a conductance read back; I-V curves a voltage
and a current; temperature series a conductance and a temperature; endurance the cycles to failure.  Either
each row names its device, or each device has a column.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from memsim.devices.fitting.measurements import Measured, PulseCurves, RetentionCurves, check_conductance
from memsim.devices.fitting.single_readings import currents, failures, kelvin, temperatures, writes
from memsim.devices.fitting.tables.columns import Columns, assign, given
from memsim.devices.fitting.tables.cycles import in_order
from memsim.devices.fitting.tables.directions import DOWN, RESET, UP, directions
from memsim.devices.fitting.tables.folders import load_folder
from memsim.devices.fitting.tables.headers import parse, plain_name
from memsim.devices.fitting.tables.layouts import Long, long_form
from memsim.devices.fitting.tables.numbers import number
from memsim.devices.fitting.tables.ohms_law import read_by_current, with_read_voltage
from memsim.devices.fitting.tables.plain import PlainTable, from_bytes, load

LARGEST = 20_000_000  #: largest number of readings of all devices, missing ones included


@dataclass(frozen=True)
class Understood:
    """A table with notes on how it was read, which are printed before the fit."""

    curves: Measured
    file: str
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([f"{self.file}:", *(f"  {note}" for note in self.notes)])


def read(path: str | Path) -> Measured:
    """Return the curves of a table; see `understand`."""
    return understand(path).curves


def understand(
    path: str | Path, *, columns: str | None = None, offset: float = 0.0, swap: bool = False
) -> Understood:
    """Read a table of measurements, or a folder with one table for each device.

    columns: quantities of columns, such as "device=Dev,conductance [uS]=G"; offset [S]: subtracted from every
    conductance; swap: exchange up and down.  Raises ValueError for anything that is not such a table; the
    message names file, line, cell and remedy.
    """
    asked = given(columns)
    if Path(path).is_dir():
        table = load_folder(Path(path), _known(asked), _names_devices(asked))
    else:
        table = load(path, _known(asked))
    return _understood(table, asked, offset, swap)


def understand_bytes(data: bytes, origin: str = "table", *, columns: str | None = None) -> Understood:
    """Read a table from the bytes of a file; origin: its name in messages.  Otherwise as `understand`."""
    asked = given(columns)
    return _understood(from_bytes(data, origin, _known(asked)), asked, 0.0, False)


def _known(asked: dict[str, str]):
    names = set(asked.values())
    plain = {plain_name(name) for name in names}
    return lambda text: text in names or parse(text).known or (bool(text) and plain_name(text) in plain)


def _names_devices(asked: dict[str, str]):
    names = {right for left, right in asked.items() if parse(left).quantity == "device"}
    return lambda text: text in names or parse(text).quantity == "device"


def _understood(table: PlainTable, asked: dict[str, str], offset: float, swap: bool) -> Understood:
    columns = with_read_voltage(assign(table, asked))
    by_current = read_by_current(columns)
    there = {*columns.found, *(["conductance"] if by_current else [])}
    _check_blocks(columns)
    for wanted, made in _OTHERS.items():
        kept = "temperature" in wanted and "time" in there
        if wanted <= there and "pulse" not in there and not kept:
            curves, notes = made(columns, offset)
            return Understood(curves, table.origin, ("; ".join(table.notes), *notes))
    if not (columns.several or {"conductance", "resistance"} & there):
        raise ValueError(_no_conductance(columns))
    if "pulse" in columns.found:
        curves, notes = _pulses(columns, offset, swap)
    elif "time" in columns.found:
        curves, notes = _retention(columns, offset)
    else:
        raise ValueError(_no_order(table))
    return Understood(curves, table.origin, ("; ".join(table.notes), *notes))


def _check_blocks(columns: Columns) -> None:
    """Raise ValueError for a table with several blocks in which no column names the device or cycle."""
    if columns.table.blocks and not {"device", "cycle"} & columns.found.keys():
        raise ValueError(
            f"{columns.table.origin} has {columns.table.blocks + 1} blocks, each with lines before its"
            " header, and no column says which device or cycle is which: add a column device or cycle, or"
            " save each block as a file and give the folder"
        )


_OTHERS = {
    frozenset({"failure"}): failures,
    frozenset({"target", "conductance"}): writes,
    frozenset({"target", "resistance"}): writes,
    frozenset({"voltage", "current"}): currents,
    frozenset({"temperature", "conductance"}): temperatures,
    frozenset({"temperature", "resistance"}): temperatures,
}
"""Maps columns to the function that reads them, for tables without pulse numbers (and, with a temperature,
without times).
"""


def _no_order(table: PlainTable) -> str:
    """Return why a table is neither pulse curves nor retention curves, with the remedy."""
    shown = ", ".join(map(repr, table.header[:12]))
    words = [set(plain_name(text).split()) for text in table.header]
    several = [text for text, one in zip(table.header, words, strict=True) if one & {"pulse", "time"}]
    remedy = 'say --columns pulse=... or --columns "time [s]=..."'
    if len(several) > 1:
        remedy = (
            f"{several[0]!r}, {several[1]!r}, ... are one for each device: one column for all is needed, or a"
            " row for each reading, or a file for each device in a folder"
        )
    elif sum("\x80" <= letter <= "\xff" for text in table.header for letter in text) > 5:
        remedy = f"are these letters right? Save the file as UTF-8, or {remedy}"
    return (
        f"{table.origin}: no column is a pulse's number or a time, so these are neither pulse curves nor"
        f" retention curves. Columns are {shown}; {remedy}"
    )


def _no_conductance(columns: Columns) -> str:
    table = columns.table
    return (
        f"{table.origin}: no column is a conductance or a resistance. Columns are"
        f' {", ".join(map(repr, table.header[:12]))}; say --columns "conductance [uS]=..." with the unit'
    )


def _pulses(columns: Columns, offset: float, swap: bool) -> tuple[PulseCurves, list[str]]:
    """Return pulse curves with readings in the order of pulses, NaN for pulses without a reading."""
    way, how = directions(columns)
    quantities = ("pulse", "cycle") if "cycle" in columns.found else ("pulse",)
    long = long_form(columns, quantities, {"direction": way.astype(float)}).without_offset(offset)
    order, place, begins = in_order(
        long.which, long.values["pulse"], long.values.get("cycle"), long.values["direction"],
        list(long.device), long.origin,
    )  # fmt: skip
    which, count = long.which[order], len(long.device)
    size = int(place.max()) + 1
    if size * count > LARGEST:
        raise ValueError(f"{long.origin}: {size} pulses of {count} devices are more than {LARGEST} readings")
    g = np.full((size, count), np.nan)
    d = np.full((size, count), np.nan)
    g[place, which] = long.values["conductance"][order]
    found = long.values["direction"][order]
    _check_resets(found, which, long)
    _check_zeros(columns, order, which, begins, found)
    if not (found == DOWN).any() and (found == UP).any():
        found = np.where(begins, RESET, found)  # devices with pulses up only were reset between cycles
    d[place, which] = found
    check_conductance(g[np.isfinite(g)], long.origin)
    curves, unread = _read(PulseCurves(long.device, g, _filled(d, swap)))
    return curves, [*long.notes, how, *unread, *_told(curves, int(begins.sum()), swap)]


def _read(curves: PulseCurves) -> tuple[PulseCurves, list[str]]:
    """Return the devices that were read at all, and a note on the others: they are not stuck devices."""
    there = np.asarray(np.isfinite(curves.conductance).any(0))
    if there.all():
        return curves, []
    names = [name for name, one in zip(curves.devices, there, strict=True) if not one]
    left = f"{', '.join(names[:6])}{', ...' if len(names) > 6 else ''}"
    return curves.part(there), [f"left out, never read: {left}"]


def _check_zeros(
    columns: Columns, order: np.ndarray, which: np.ndarray, begins: np.ndarray, way: np.ndarray
) -> None:
    """Raise ValueError for directions written as 1 and 0 alone, of which 0 is probably down, not no pulse."""
    if "direction" not in columns.found or columns.several or set(np.unique(way)) != {0.0, 1.0}:
        return
    table = columns.table
    zero = np.array([number(text, table.decimal) == 0 for text in columns.texts("direction")])[order]
    first = begins.copy()
    first[0] = True
    first[1:] |= which[1:] != which[:-1]
    wrong = np.flatnonzero(zero & ~first)
    if len(wrong):
        line = table.lines[int(order[wrong[0]])]
        raise ValueError(
            f"{table.origin}, line {line}: direction = 0 after a pulse: 1 is up and 0 no pulse; if 0 means"
            " down, write -1 or down in its place; if nothing was applied, write none"
        )


def _check_resets(way: np.ndarray, which: np.ndarray, long: Long) -> None:
    """Raise ValueError for three full resets in a row, which are probably pulses down."""
    reset = way == RESET
    again = reset[2:] & reset[1:-1] & reset[:-2] & (which[2:] == which[:-2])
    if again.any():
        name = long.device[which[int(again.argmax())]]
        raise ValueError(
            f"{long.origin}: device {name!r} has three full resets (erase) in a row: if"
            " each lowers the conductance by a step, their direction is down (or LTD, RESET)"
        )


def _filled(d: np.ndarray, swap: bool) -> np.ndarray:
    """Fill in directions of pulses without a reading: that of the next reading, or none after the last
    one.
    """
    for k in range(len(d) - 2, -1, -1):
        gap = np.isnan(d[k])
        d[k, gap] = d[k + 1, gap]
    out = np.nan_to_num(d).astype(np.int8)
    jump = (out[:-1] == RESET) & (out[1:] == RESET)
    out[:-1][jump] = 0  # a gap before a reset
    return np.where(out == RESET, RESET, -out).astype(np.int8) if swap else out


def _told(curves: PulseCurves, begins: int, swap: bool) -> list[str]:
    d, g = curves.direction, curves.conductance
    ups, downs = (int((d[1:] == side).sum(0).max(initial=0)) for side in (UP, DOWN))
    resets, blank = int(curves.resets.sum()), int(np.isnan(g).sum())
    out = [f"pulse curves of {len(curves.devices)} device(s): up to {ups} pulses up and {downs} down on one"]
    out += [f"{begins} further cycle(s), pulse numbers counted on"] if begins and not resets else []
    out += [f"{resets} full reset(s), after which a curve begins anew"] if resets else []
    out += ["up and down exchanged, as asked"] if swap else []
    out += _range(g)
    return [*out, f"{blank} pulse(s) without a reading"] if blank else out


def _range(g: np.ndarray) -> list[str]:
    known = g[np.isfinite(g)]
    out = [f"{known.min():.3g} to {known.max():.3g} S"]
    below = int((known < 0).sum())
    return [*out, f"{below} reading(s) below 0, taken for noise"] if below else out


def _retention(columns: Columns, offset: float) -> tuple[RetentionCurves, list[str]]:
    """Return retention curves with readings in the order of time, without missing readings."""
    quantities = ("time", *(q for q in ("cycle", "temperature") if q in columns.found))
    long = long_form(columns, quantities, {}).without_offset(offset)
    notes = list(long.notes)
    if "cycle" in long.values:
        long = _apart(long, "cycle")
        notes.append("every cycle of a device counts as a device")
    if "temperature" in long.values:
        kelvin(long.values["temperature"], long.origin)
        long = _apart(long, "temperature", "K")
    time = long.values["time"]
    if np.isnan(time).any():
        at = columns.table.lines[int(np.isnan(time).argmax()) % len(columns.table.rows)]
        raise ValueError(f"{long.origin}, line {at}: no time is given")
    if time.min() < 0:
        raise ValueError(
            f"{long.origin}: time [s] = {time.min():g}: time since the write cannot be negative; leave"
            " readings before it out"
        )
    read = np.isfinite(long.values["conductance"])
    blank = int((~read).sum())
    check_conductance(long.values["conductance"][read], long.origin)
    curves = _by_time(long.take(read))
    notes.append(f"retention curves of {len(curves.devices)} device(s), up to {len(curves.time)} times")
    if curves.temperature is not None:
        notes.append(f"kept at {', '.join(f'{t:g}' for t in np.unique(curves.temperature)[:12])} K")
    notes += [f"{blank} reading(s) not measured"] if blank else []
    return curves, [*notes, *_range(curves.conductance)]


def _apart(long: Long, what: str, unit: str = "") -> Long:
    """Treat each cycle, or each temperature, of a device as a separate device."""
    pairs, which = np.unique(
        np.stack([long.which, np.nan_to_num(long.values[what])], 1), axis=0, return_inverse=True
    )
    said = f"{{:g}} {unit}" if unit else f"{what} {{:g}}"
    names = tuple(f"{long.device[int(device)]}, {said.format(value)}" for device, value in pairs)
    return replace(long, device=names, which=which.reshape(-1))


def _by_time(long: Long) -> RetentionCurves:
    time, g = long.values["time"], long.values["conductance"]
    order = np.lexsort((time, long.which))
    w, t = long.which[order], time[order]
    twice = (w[1:] == w[:-1]) & (t[1:] == t[:-1])
    if twice.any():
        at = int(twice.argmax())
        raise ValueError(
            f"{long.origin}: device {long.device[w[at]]!r} has time [s] = {t[at]:g} twice: is a line doubled,"
            " or is a column with the device or the cycle missing?"
        )
    there, w = np.unique(w, return_inverse=True)
    place = np.arange(len(w)) - np.searchsorted(w, np.arange(len(there)))[w]
    size = (int(place.max()) + 1, len(there))
    if size[0] * size[1] > LARGEST:
        raise ValueError(
            f"{long.origin}: {size[0]} times of {size[1]} devices are more than {LARGEST} readings"
        )
    out = [np.full(size, np.nan) for _ in range(2)]
    for table, column in zip(out, (t, g[order]), strict=True):
        table[place, w] = column
    kept = None
    if "temperature" in long.values:
        kept = np.zeros(len(there))
        kept[w] = long.values["temperature"][order]
    return RetentionCurves(tuple(long.device[i] for i in there), out[0], out[1], kept)
