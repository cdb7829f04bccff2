"""A comparison as tables on the terminal, from the same values that go to JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from memsim.energy.area import utilisation
from memsim.energy.baselines import BASELINES as BILLS
from memsim.studies.evaluation.comparison import Comparison
from memsim.studies.reports.quantities import percent, quantity


def worth_grid(rows: list[dict[str, Any]]) -> Table:
    """What STDP attention is worth, one line for each kind of attention and how it came in."""
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    table = Table(title="what STDP attention is worth (digital; accuracy [95 % interval])", box=None)
    for column in ("attention", "how", *sets, "CE [nat]"):
        table.add_column(column, no_wrap=True)
    lines: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        share = f"{100 * row['accuracy']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
        line = lines.setdefault((row["attention"], row["how"]), [row["attention"], row["how"]])
        line += [share, f"{row['cross_entropy']:.3f}"] if row["dataset"] == sets[-1] else [share]
    for line in lines.values():
        table.add_row(*line)
    return table


def layer_tables(comparison: Comparison, layer: str) -> Group:
    """Number, price, energy and source of every line of a layer: the crossbars', then those of each digital
    baseline; ValueError for a layer that has none.
    """
    bills = {} if comparison.chip is None else {"crossbar": comparison.chip.ledger.lines()}
    card = comparison.card
    bills |= {f"digital_{name}": lines(comparison.works, card) for name, lines in BILLS.items()}
    layers = dict.fromkeys(line.layer for lines in bills.values() for line in lines)
    if not any(_within(name, layer) for name in layers):
        raise ValueError(f"--explain {layer!r}: no such layer; layers with events: {', '.join(layers)}")
    tables = []
    used = {k: x for k, x in utilisation(comparison.on_arrays, card).items() if _within(k, layer)}
    for bill, lines in bills.items():
        title = f"{bill}: {layer}, for each image"
        if bill == "crossbar" and used:
            title += "; cells used of its tiles: " + ", ".join(
                f"{k} {percent(x, 1)}" for k, x in used.items()
            )
        table = Table(title=title, box=None, title_justify="left")
        table.add_column("event", no_wrap=True)
        for column in ("layer", "number", "price", "energy", "source"):
            table.add_column(column)
        for line in (line for line in lines if _within(line.layer, layer)):
            event, name, source = (escape(words) for words in (line.event, line.layer, line.source))
            price, energy = quantity(line.price, "J"), quantity(line.energy, "J")
            table.add_row(event, name, f"{line.number:,.1f}", price, energy, source)
        tables.append(table)
    return Group(*tables)


def _within(name: str, layer: str) -> bool:
    return name == layer or name.startswith(f"{layer}.")
