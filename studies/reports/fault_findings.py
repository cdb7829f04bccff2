"""Yield in a report: which share of devices and lines is faulty, and what spares have left of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memsim.studies.reports.quantities import digits, percent

HEADER = [
    "array", "devices [1]", "faulty devices [%]", "in use after repair [%]", "open word lines [%]",
    "open bit lines [%]", "rows from spares [1]", "columns from spares [1]",
]  # fmt: skip


def faults(summary: Mapping[str, Any]) -> tuple[str, list[tuple[str, ...]]]:
    """Return a sentence over all arrays, and a row for each; nothing where no device is faulty."""
    layers = summary.get("faults", {})
    if not layers:
        return "", []
    rows = [
        (
            layer, str(one["devices"]),
            *(percent(one[f"{key} [1]"]) for key in SHARES),
            *(digits(one[f"replaced {lines}"]) for lines in ("rows", "columns")),
        )
        for layer, one in layers.items()
    ]  # fmt: skip
    devices = sum(one["devices"] for one in layers.values())
    before, after = (
        sum(one["devices"] * one[f"{key} [1]"] for one in layers.values()) / devices for key in SHARES[:2]
    )
    repaired = (
        "" if before == after else f"; with spares in place of the worst lines {percent(after)} in use are"
    )
    return (
        f"{percent(before)} of the {devices} devices of a chip's {len(rows)} arrays are faulty{repaired}.",
        rows,
    )


SHARES = ("faulty", "faulty after repair", "dead word lines", "dead bit lines")
