"""A comparison as tables on the terminal, from the same values that go to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from memsim.energy.area import utilisation
from memsim.energy.baselines import BASELINES as BILLS
from memsim.studies.evaluation.comparison import Comparison
from memsim.studies.reports.energy_findings import BASELINES, WINS, band_of, mixture, span
from memsim.studies.reports.findings import AREAS, interval, sets_of
from memsim.studies.reports.line_findings import kappas, left_out
from memsim.studies.reports.quantities import digits, percent, quantity


def _accuracy(share: Mapping[str, Any], mean: str = "mean") -> str:
    if len(share.get("per_chip", (0, 0))) < 2:
        return f"{percent(share[mean])} (one chip)"
    return interval(share[mean], share)


def comparison_table(summary: dict[str, Any]) -> Table:
    """Digital beside crossbar: accuracy with its interval, cross-entropy, margin, agreement, energy; beside
    engine aihwkit a column of engine memsim.
    """
    engines = {"crossbars": sets_of(summary)} if "crossbar" in summary else {}
    if "beside" in summary:
        engines = {"aihwkit": sets_of(summary), "memsim": sets_of(summary | summary["beside"])}
    table = Table(
        "", "digital", *(engines or ["crossbars"]), title=f"{summary['model']} on {summary['images']} images",
        box=None,
    )  # fmt: skip
    for name, found in sets_of(summary).items():
        parts, digital = [sets[name] for sets in engines.values()], found["digital"]
        of = [part["crossbar"] for part in parts]
        table.add_row(
            f"{name}: accuracy [95 %]",
            _accuracy(digital, "accuracy"),
            *(_accuracy(one["accuracy"]) for one in of),
        )
        if of:
            ends = [[100 * one["accuracy"]["task"][end] for end in ("low", "high")] for one in of]
            table.add_row(f"{name}: over chips and images", "", *(f"[{a:.2f}, {b:.2f}]" for a, b in ends))
        for key in ("cross_entropy", "margin"):
            row = [f"{one[key]:.4f}" for one in (digital, *of)]
            table.add_row(f"{name}: {key.replace('_', '-')}", *row)
        if of:
            same = [f"{100 * part['agreement']:.2f} %" for part in parts]
            table.add_row(f"{name}: same answer as digital", "", *same)
    if "spike_mismatch" in summary:
        mismatch = summary["spike_mismatch"].values()
        table.add_row("spikes that differ", "", f"{100 * sum(mismatch) / len(mismatch):.2f} %")
    energy = summary.get("energy", {})
    for key, (words, _, rival) in BASELINES.items():
        if key in energy:
            ours = ""
            if rival in energy:
                band = band_of(summary, rival)
                ours = f"{span(band)}: {WINS[band.against(energy[key])]}"
            table.add_row("energy for an image", f"{quantity(energy[key], 'J')} ({words})", ours)
    if "latency [s/image]" in summary:
        table.add_row("time for an image", "", quantity(summary["latency [s/image]"], "s"))
    if "wires" in summary:
        worst = max(kappas(summary).values(), default=0.0)
        ohm = summary["wires"].get("segment [ohm]")
        known = (
            f"{digits(ohm)} ohm a segment, kappa up to {digits(worst)}" if ohm is not None else "not known"
        )
        table.add_row("wires", "", f"not simulated; {known}" if left_out(summary) else known)
    for key, of in AREAS.items():
        if key in summary:
            area = f"{digits(1e6 * sum(summary[key].values()))} mm²"
            table.add_row(f"area, known parts{of}", "", area)
    table.caption = mixture(summary) or None
    return table


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
