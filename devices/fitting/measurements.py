"""Measurements of real devices as tables: pulse curves and retention curves, read from CSV and checked.

A column's name carries its unit. A row is one reading:

    device, pulse, direction, conductance [S]      direction of the pulse before it: +1 up, -1 down, 0 none
    device, time [s], conductance [S]              time since the write
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

_PULSES = ("device", "pulse", "direction", "conductance [S]")
_TIMES = ("device", "time [s]", "conductance [S]")
_WORDS = {"up": 1.0, "+": 1.0, "ltp": 1.0, "down": -1.0, "-": -1.0, "ltd": -1.0, "none": 0.0, "": 0.0}


@dataclass(frozen=True)
class PulseCurves:
    """Conductance of N devices after each of K pulses, in their order; NaN where a device has fewer."""

    devices: tuple[str, ...]
    conductance: np.ndarray  #: (K, N) [S]
    direction: np.ndarray  #: (K, N), +1, -1 or 0


@dataclass(frozen=True)
class RetentionCurves:
    """Conductance of N devices at T times since the write; NaN where a device has fewer."""

    devices: tuple[str, ...]
    time: np.ndarray  #: (T, N) [s]
    conductance: np.ndarray  #: (T, N) [S]


def read(path: str | Path) -> PulseCurves | RetentionCurves:
    """The table in a CSV file, by its header.

    Raises ValueError naming column, line, value and likely slip for anything that is no such table.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.reader(file)
            lines = [(table.line_num, row) for row in table if row and not row[0].lstrip().startswith("#")]
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no UTF-8 text; export it as CSV") from None
    if not lines:
        raise ValueError(f"{path} is empty; columns are {', '.join(_PULSES)} or {', '.join(_TIMES)}")
    header = [name.strip() for name in lines[0][1]]
    columns = _TIMES if "time [s]" in header else _PULSES
    for name in columns:
        if name not in header:
            _refuse_header(path, name, header)
    places, rows = [line for line, _ in lines[1:]], [row for _, row in lines[1:]]
    if any(len(row) != len(header) for row in rows) or not rows:
        raise ValueError(f"{path}: every line needs {len(header)} values under {', '.join(header)}")
    texts = {name: [row[header.index(name)].strip() for row in rows] for name in columns}
    values = {name: _numbers(path, name, texts[name], places) for name in columns if name != "device"}
    check_conductance(values["conductance [S]"], str(path))
    if columns is _TIMES:
        return retention(texts["device"], values["time [s]"], values["conductance [S]"], str(path))
    return pulses(texts["device"], values["pulse"], values["direction"], values["conductance [S]"], str(path))


def pulses(
    device: Sequence[str], pulse: np.ndarray, direction: np.ndarray, conductance: np.ndarray, origin: str
) -> PulseCurves:
    """Pulse curves from columns; readings are sorted by pulse number."""
    odd = ~np.isin(direction, (-1, 0, 1))
    if odd.any():
        raise ValueError(
            f"{origin}: direction = {direction[odd][0]:g}: 1 (up), -1 (down) or 0 (none) is needed"
        )
    names, (d, g) = _by_device(device, pulse, (direction, conductance), "pulse", origin)
    return PulseCurves(names, g, np.nan_to_num(d).astype(np.int8))


def retention(
    device: Sequence[str], time: np.ndarray, conductance: np.ndarray, origin: str
) -> RetentionCurves:
    """Retention curves from columns; readings are sorted by time."""
    if time.min() < 0:
        raise ValueError(f"{origin}: time [s] = {time.min():g}: time since the write cannot be negative")
    names, (t, g) = _by_device(device, time, (time, conductance), "time [s]", origin)
    return RetentionCurves(names, t, g)


def check_conductance(g: np.ndarray, origin: str) -> None:
    """Raise ValueError for conductances that are negative, or too large to be in siemens."""
    if g.min() < 0:
        raise ValueError(f"{origin}: conductance [S] = {g.min():.4g}: a conductance cannot be negative")
    if g.max() > 1e-2:
        raise ValueError(
            f"{origin}: conductance [S] up to {g.max():.4g}: above 10 mS; did you pass microsiemens or a"
            " resistance? The column is in siemens"
        )
    if g.max() < 1e-12:
        raise ValueError(f"{origin}: conductance [S] up to {g.max():.4g}: below 1 pS; was it divided twice?")


def check_support(missing: Sequence[str]) -> None:
    """Raise ValueError for parameters that the data cannot support, each with what it would take."""
    if missing:
        raise ValueError("these data cannot support " + "; ".join(missing))


def _refuse_header(path: Path, name: str, header: list[str]) -> None:
    quantity = name.split(" [")[0]
    other = [found for found in header if found.split(" [")[0].lower() == quantity.lower()]
    near = other or get_close_matches(name, header, 1)
    hint = f"; it has {near[0]!r}, and values must be in the unit of the name" if near else ""
    raise ValueError(
        f"{path}: no column {name!r}{hint}. Columns are {', '.join(_PULSES)} or {', '.join(_TIMES)}"
    )


def _numbers(path: Path, name: str, texts: list[str], places: list[int]) -> np.ndarray:
    """The numbers of a column; places: the line of the file that each stands in."""
    values = np.empty(len(texts))
    for i, (text, line) in enumerate(zip(texts, places, strict=True)):
        try:
            word = _WORDS.get(text.lower()) if name == "direction" else None
            values[i] = float(text) if word is None else word
        except ValueError:
            raise ValueError(f"{path}, line {line}: {name} = {text!r} is no number") from None
        if not np.isfinite(values[i]):
            raise ValueError(f"{path}, line {line}: {name} = {text!r} is not finite")
    return values


def _by_device(
    device: Sequence[str], order: np.ndarray, columns: Sequence[np.ndarray], key: str, origin: str
) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """Columns as (readings, devices), each device's readings in their order, NaN below its last."""
    names, which = np.unique(np.asarray(device, str), return_inverse=True)
    ranked = np.lexsort((order, which))
    w, o = which[ranked], order[ranked]
    twice = (w[1:] == w[:-1]) & (o[1:] == o[:-1])
    if twice.any():
        at = int(twice.argmax())
        raise ValueError(f"{origin}: device {names[w[at]]!r} has {key} = {o[at]:g} twice")
    first = np.searchsorted(w, np.arange(len(names)))
    place = np.arange(len(w)) - first[w]
    out = []
    for column in columns:
        table = np.full((int(place.max()) + 1, len(names)), np.nan)
        table[place, w] = np.asarray(column, float)[ranked]
        out.append(table)
    return tuple(names.tolist()), out
