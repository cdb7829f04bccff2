"""Which fields two runs were given differently, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from memsim.studies.evaluation.result import flat
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports.table import Table

NAMES: tuple[str, str] = ("A", "B")
"""What a page calls the two runs."""


def fields_of(setting: Setting) -> dict[str, Any]:
    """Return every field of a setting by name, the card's included; a user's network by its file's digest."""
    fields = flat(asdict(setting))
    if setting.net is not None:
        fields = {name: value for name, value in fields.items() if name not in ("net.text", "net.path")}
        fields["net.digest"] = setting.net.digest
    return fields


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Table:
    """Return a row for each field that is not the same in both."""
    rows = [
        [name, *(_said(fields.get(name)) for fields in (a, b))]
        for name in dict.fromkeys([*a, *b])
        if a.get(name) != b.get(name)
    ]
    note = "" if rows else "Both ran in the same setting."
    return Table(title="What differs", header=["setting [unit]", *NAMES], rows=rows, note=note)


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return "not given" if value is None else str(value)
