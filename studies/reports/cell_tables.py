"""Cells as `memsim devices` shows them: the list, one with every number, the same for JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from memsim import devices
from memsim.devices.device_card import DeviceCard
from memsim.studies.reports.quantities import digits


def cells(name: str | None = None) -> dict[str, dict[str, Any]]:
    """Every preset, or one (or a device card), with every number it holds."""
    chosen = [devices.get(n) for n in ([name] if name else devices.names())]
    return {cell.name: _fields(cell) for cell in chosen}


def _fields(cell: devices.Cell) -> dict[str, Any]:
    """What the cell says of itself, then every number of its law."""
    about = dataclasses.asdict(cell.describe())
    about |= {
        "states": None if math.isinf(about["states"]) else about["states"],
        "effects": list(cell.effects),
        "endurance [cycles]": cell.endurance_range._asdict() if cell.endurance_range else None,
    }
    for name, number in _numbers(dataclasses.asdict(cell)):
        if name not in about:
            about[name] = number
    return about


def _cycles(cell: devices.Cell) -> str:
    """Endurance as a table shows it: "1e5-2e11", with a star where it is an assumption."""
    found = cell.endurance_range
    if found is None:
        return ""
    ends = dict.fromkeys(f"{cycles:.0e}".replace("e+0", "e").replace("e+", "e") for cycles in found[:2])
    return "–".join(ends) + "*" * found.assumption


def _numbers(fields: dict[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    """Every number of nested fields, by its path; a population's own names stand alone."""
    for key, value in fields.items():
        name = f"{under}{key}"
        if isinstance(value, tuple) and value and isinstance(value[0], dict):
            value = {str(k): part for k, part in enumerate(value)}
        if isinstance(value, dict):
            yield from _numbers(value, "" if key == "population" else f"{name}.")
        elif isinstance(value, (str, int, float, tuple)) and not (value == math.inf):
            yield name, value


def cells_list() -> str:
    """Every preset in two lines: what it is, and where its numbers come from."""
    row = "{:30} {:10} {:14} {:>7}  {}"
    lines = [row.format("cell", "technology", "kind", "states", "endurance [cycles]")]
    for cell in map(devices.get, devices.names()):
        about = cell.describe()
        states = "any" if math.isinf(about.states) else f"{about.states:.3g}"
        lines += [row.format(cell.name, about.technology, about.kind, states, _cycles(cell)).rstrip()]
        lines += [f"    {about.source}"]
    note = (
        "endurance: the published range of the technology, * recalled; memsim devices NAME prints its source"
    )
    return "\n".join([*lines, note])


def _told(cell: devices.Cell) -> str:
    """Endurance with its source."""
    found = cell.endurance_range
    if found is None:
        return "none published"
    return f"{_cycles(cell)} ({found.source}{'; an assumption' * found.assumption})"


def cell_table(name: str) -> Group:
    """One cell: what it is, every number with its unit and meaning, what it cannot do."""
    card = DeviceCard.load(name) if name.endswith(".toml") else None
    cell = devices.get(card or name)
    about = cell.describe()
    head = Table.grid(padding=(0, 2))
    states = "any" if math.isinf(about.states) else digits(about.states)
    said = {
        "technology": about.technology, "kind": about.kind + (", up only" if about.one_sided else ""),
        "source": about.source, "states": states, "pulses of a full write": str(about.n_max or ""),
        "effects": ", ".join(cell.effects), "endurance [cycles]": _told(cell),
    }  # fmt: skip
    for key, value in said.items():
        if value:
            head.add_row(escape(key), escape(value))
    for verb, reason in about.unsupported.items():
        head.add_row(f"no {verb}", escape(reason))
    from memsim.studies.reports.cell_numbers import numbers  # needs torch

    found, remark = numbers(cell, card)
    table = Table("number", "value", "meaning", box=None, pad_edge=False)
    for one in found:
        table.add_row(escape(one.name), escape(one.value), escape(one.meaning))
    return Group(Text(cell.name), Text(), head, Text(), table, *([Text(), Text(remark)] if remark else []))
