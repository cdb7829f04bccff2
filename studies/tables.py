"""A comparison as tables on the terminal, from the same values that go to JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from memsim.area import utilisation
from memsim.baselines import BASELINES as BILLS
from studies.compare import Comparison
from studies.findings import BASELINES
from studies.quantities import percent, quantity


def joule(value: float) -> str:
    """An energy in the unit that reads best."""
    for unit, scale in (("mJ", 1e-3), ("uJ", 1e-6), ("nJ", 1e-9), ("pJ", 1e-12), ("fJ", 1e-15)):
        if abs(value) >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.3g} J"


def _interval(share: dict[str, float], mean: str = "mean") -> str:
    if len(share.get("per_chip", (0, 0))) < 2:  # type: ignore[arg-type]
        return f"{100 * share[mean]:.2f} % (one chip)"
    return f"{100 * share[mean]:.2f} % [{100 * share['low']:.2f}, {100 * share['high']:.2f}]"


def comparison_table(summary: dict[str, Any]) -> Table:
    """Digital beside crossbar: accuracy with its interval, cross-entropy, margin, agreement, energy."""
    table = Table(
        "", "digital", "crossbars", title=f"{summary['model']} on {summary['images']} images", box=None
    )
    sets = {summary["dataset"]: summary}
    sets |= {
        k.removeprefix("harder (").rstrip(")"): v for k, v in summary.items() if k.startswith("harder (")
    }
    for name, found in sets.items():
        digital, crossbar = found["digital"], found.get("crossbar")
        none = "" if crossbar is None else None
        table.add_row(
            f"{name}: accuracy [95 %]",
            _interval(digital, "accuracy"),
            none if crossbar is None else _interval(crossbar["accuracy"]),
        )
        for key in ("cross_entropy", "margin"):
            table.add_row(
                f"{name}: {key.replace('_', '-')}",
                f"{digital[key]:.4f}",
                none if crossbar is None else f"{crossbar[key]:.4f}",
            )
        if crossbar is not None:
            table.add_row(f"{name}: same answer as digital", "", f"{100 * found['agreement']:.2f} %")
    if "spike_mismatch" in summary:
        mismatch = summary["spike_mismatch"].values()
        table.add_row("spikes that differ", "", f"{100 * sum(mismatch) / len(mismatch):.2f} %")
    energy = summary["energy"]
    for key, (words, rival) in BASELINES.items():
        if key in energy:
            ours = joule(energy[rival]) if rival in energy else ""
            table.add_row("energy for an image", f"{joule(energy[key])} ({words})", ours)
    if "latency [s/image]" in summary:
        table.add_row("time for an image", "", quantity(summary["latency [s/image]"], "s"))
        table.add_row("area, known parts", "", f"{1e6 * sum(summary['area [m2]'].values()):.3g} mm2")
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
    card = comparison.request.card
    bills |= {f"digital_{name}": lines(comparison.works, card) for name, lines in BILLS.items()}
    layers = dict.fromkeys(str(line["layer"]) for lines in bills.values() for line in lines)
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
        for line in (line for line in lines if _within(str(line["layer"]), layer)):
            number, price, energy = (float(line[k]) for k in ("number", "price [J]", "energy [J]"))  # type: ignore[arg-type]
            event, name, source = (escape(str(line[k])) for k in ("event", "layer", "source"))
            table.add_row(event, name, f"{number:,.1f}", joule(price), joule(energy), source)
        tables.append(table)
    return Group(*tables)


def _within(name: str, layer: str) -> bool:
    return name == layer or name.startswith(f"{layer}.")
