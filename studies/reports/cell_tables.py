"""Cells as `memsim devices` shows them: the list, one with every number, the same for JSON."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from memsim.devices import registry
from memsim.studies.reports.cell_descriptions import description_of, endurance
from memsim.studies.reports.quantities import digits


def cells(name: str | None = None) -> dict[str, dict[str, Any]]:
    """Return every preset, or one (or a device card), with every number it holds."""
    found = [description_of(n).fields for n in ([name] if name else registry.names())]
    return {fields["name"]: fields for fields in found}


def _cycles(fields: dict[str, Any]) -> str:
    """Return the endurance as a table shows it: "1e5-2e11", with a star where it is an assumption."""
    found = endurance(fields)
    if found is None:
        return ""
    ends = dict.fromkeys(f"{cycles:.0e}".replace("e+0", "e").replace("e+", "e") for cycles in found[:2])
    return "–".join(ends) + "*" * found.assumption


def cells_list(width: int | None = None) -> str:
    """Return every preset in two lines: what it is, and where its numbers come from.

    width: columns of the screen, for which long lines are broken; None: lines are as long as they are.
    """
    row = "{:30} {:10} {:14} {:>7}  {}"
    lines = [row.format("cell", "technology", "kind", "states", "endurance")]
    for fields in cells().values():
        states = "any" if fields["states"] is None else f"{fields['states']:.3g}"
        about = fields["name"], fields["technology"], fields["kind"], states, _cycles(fields)
        lines += [row.format(*about).rstrip(), *_broken(f"    {fields['source']}", width)]
    note = (
        "endurance [cycles]: the published range of the technology, * recalled; memsim devices NAME prints"
        " its source"
    )
    return "\n".join([*lines, *_broken(note, width)])


def _broken(line: str, width: int | None) -> list[str]:
    """Break a line at blanks, its later parts indented."""
    return [line] if width is None else wrap(line, max(width, 20), subsequent_indent="    ") or [line]


def _lives(fields: dict[str, Any]) -> str:
    """Return the endurance with its source."""
    found = endurance(fields)
    if found is None:
        return "none published"
    return f"{_cycles(fields)} ({found.source}{'; an assumption' * found.assumption})"


def cell_table(name: str) -> Group:
    """Return one cell: what it is, every number with its unit and meaning, what it cannot do."""
    fields, numbers, remark = description_of(name)
    head = Table.grid(padding=(0, 2))
    said = {
        "technology": fields["technology"], "kind": fields["kind"] + ", up only" * fields["one_sided"],
        "source": fields["source"], "states": "any" if fields["states"] is None else digits(fields["states"]),
        "pulses of a full write": str(fields["n_max"] or ""), "effects": ", ".join(fields["effects"]),
        "endurance [cycles]": _lives(fields),
    }  # fmt: skip
    for key, value in said.items():
        if value:
            head.add_row(escape(key), escape(value))
    for verb, reason in fields["unsupported"].items():
        head.add_row(f"no {verb}", escape(reason))
    table = Table("number", "value", "meaning", box=None, pad_edge=False)
    for one in numbers:
        table.add_row(escape(one.name), escape(one.value), escape(one.meaning))
    under = [Text(), Text(remark)] if remark else []
    return Group(Text(fields["name"]), Text(), head, Text(), table, *under)
