"""The table of points that differ in a few fields: a column for each field, then what each point gives and
costs, each measure in one unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memsim.studies.evaluation.points import Point
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import count, digits, duration, prefixed
from memsim.studies.reports.table import Table

COSTS = {"energy [J]": ("energy", "J"), "latency [s]": ("latency", "s")}
"""What an image costs a chip: name and unit."""

WRITES = "pulses"
"""Where a point holds the pulses that write the attention of an image."""


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return the tables of a study that brings none: what each setting gives and costs, then every
    measure.
    """
    first = {"settings": sweep_table(points)} if draw.measured(points) else {}
    return first | draw.tables(points)


def sweep_table(points: Sequence[Point]) -> Table:
    """Return a line for each point: its fields, the accuracy (on the harder images where there are some), the
    energy and latency of an image, and the area of the arrays; what no point has, has no column.
    """
    fields = list(dict.fromkeys(name for point in points for name in point.labels))
    main = draw.main_column(points)
    columns = {short(name, fields): [_field(name, p.labels.get(name)) for p in points] for name in fields}
    if draw.measured(points):
        shown = [draw.cell(p.estimate(main), main) if main in p.per_chip else "" for p in points]
        columns[draw.MEASURES.get(main, main)] = shown
    columns |= costs([p.total for p in points])
    rows = [list(cells) for cells in zip(*columns.values(), strict=True)]
    note = f"Brackets hold 95 % intervals over chips. Fields: {', '.join(fields)}."
    return Table(title="What each setting gives and costs", header=list(columns), rows=rows, note=note)


def costs(totals: Sequence[Mapping[str, Any]], *, writes: bool = False) -> dict[str, list[str]]:
    """Return the columns of what an image costs, each in one unit: energy, latency, the pulses that write
    attention where asked for, and the area of the arrays; what no total has, has no column.
    """
    columns: dict[str, list[str]] = {}
    for key, (name, unit) in COSTS.items():
        columns |= _column(name, unit, [total.get(key) for total in totals])
    if writes:
        columns["attention pulses"] = [count(total.get(WRITES) or 0.0) for total in totals]
    areas = [total.get("area [m2]") for total in totals]
    return columns | _column("area", "mm²", [a if a is None else 1e6 * a for a in areas], plain=True)


def short(field: str, fields: Sequence[str]) -> str:
    """Return a field without its section, where no other ends alike: "weights.adc_bits" -> "adc_bits"."""
    last = field.rpartition(".")[2]
    return last if sum(one.rpartition(".")[2] == last for one in fields) == 1 else field


def _field(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "time [s]":
        return duration(float(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _column(
    name: str, unit: str, values: Sequence[float | None], plain: bool = False
) -> dict[str, list[str]]:
    """Return a column of quantities in one unit; nothing where no point has one."""
    there = [value for value in values if value is not None]
    if not there:
        return {}
    factor, shown = (1.0, unit) if plain else prefixed(max(there), unit)
    return {f"{name} [{shown}]": ["" if value is None else digits(factor * value) for value in values]}
