"""The layers of a comparison in one table: energy, time, area, cells used and what wires may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memsim.energy.area import known
from memsim.studies.reports.quantities import digits, percent, prefixed
from memsim.studies.reports.table import Table

NOTE = (
    "For one image on one chip; “other layers” are neurons, norms and pooling. Every layer has whole tiles, "
    "whose other cells stay unused. kappa measures the effect of wires. result.json lists the events of each "
    "layer under “ledger”; memsim compare --explain LAYER shows how they are counted."
)


def layer_table(summary: Mapping[str, Any]) -> Table:
    """Return a row for each layer that is an array, and one for the energy of all others."""
    layers = summary.get("layers", {})
    kappa, used = summary.get("kappa", {}), summary.get("utilisation", {})
    arrays = [name for name, one in layers.items() if "latency [s]" in one or name in kappa]
    joules = [layers[name].get("energy [J]") for name in arrays]
    rest = sum(one.get("energy [J]", 0.0) for name, one in layers.items() if name not in arrays)
    seconds = [layers[name].get("latency [s]") for name in arrays]
    areas = [_area(layers[name].get("area [m2]")) for name in arrays]
    columns = {
        "layer": [*arrays, "other layers"],
        **_column("energy", "J", [*joules, rest]),
        **_column("time", "s", [*seconds, None]),
        "area [mm²]": ["" if area is None else digits(1e6 * area) for area in (*areas, None)],
        "cells used [%]": [_share(used.get(name)) for name in (*arrays, "")],
        "kappa [1]": ["" if name not in kappa else digits(kappa[name]) for name in (*arrays, "")],
    }
    rows = [list(cells) for cells in zip(*columns.values(), strict=True)] if arrays else []
    return Table(title="Layers", header=list(columns), rows=rows, note=NOTE)


def _column(name: str, unit: str, values: Sequence[float | None]) -> dict[str, list[str]]:
    """Return quantities in the unit that suits the largest."""
    factor, shown = prefixed(max((value for value in values if value is not None), default=0.0), unit)
    return {f"{name} [{shown}]": ["" if value is None else digits(factor * value) for value in values]}


def _area(parts: Mapping[str, float | str] | None) -> float | None:
    """Return the area of all parts [m2]; None where one is not known."""
    if parts is None:
        return None
    area, missing = known(parts)
    return None if missing else area


def _share(share: float | None) -> str:
    return "" if share is None else percent(share, 1).removesuffix(" %")
