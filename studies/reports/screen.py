"""A comparison on the terminal, within 80 columns: what ran, what it found, accuracy, energy, baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memsim.energy.area import known
from memsim.studies.reports import engine_findings, findings, line_findings
from memsim.studies.reports.energy_findings import BASELINES, WINS, band_of, span
from memsim.studies.reports.findings import AREAS, sets_of
from memsim.studies.reports.grid import Whole
from memsim.studies.reports.quantities import digits, duration, percent, prefixed, quantity

Summary = Mapping[str, Any]

SHORT = {
    "digital_sop": "papers' count, floating point",
    "digital_sop_integer": "papers' count, integers",
    "digital_lut": "all work, attention by table",
    "digital_memory": "event-driven, with SRAM",
    "digital_dense": "every synapse, with SRAM",
    "digital_dram": "every synapse, weights from DRAM",
    "digital_qnn": "without spikes, with SRAM",
}
"""Digital baselines in at most 32 letters."""


def screen(summary: Summary) -> Group:
    """Return everything that ``memsim compare`` prints of a summary."""
    parts: list[RenderableType] = [Text(line) for line in simulated(summary)]
    parts += [Text(), Text(findings.headline(summary)), accuracy(summary), answers(summary)]
    if told := engine_findings.verdict(summary):
        parts += [Text(told)]
    if "crossbar" in summary.get("energy", {}):
        parts += [Text(), Text(energy(summary))]
    if any(key in summary.get("energy", {}) for key in BASELINES):
        parts.append(baselines(summary))
    parts += [Text(line) for line in sizes(summary)]
    return Group(*parts)


def simulated(summary: Summary) -> Iterator[str]:
    """Yield the network, images, chips, card, cells, age, seed; wires and what is switched off."""
    yield f"{summary['model']}, {summary['images']} images of {summary['dataset']}"
    if "chips" not in summary:
        return
    cells = f"weights {summary['weights']}"
    if "attention_cell" in summary:
        cells += f", attention {summary['attention_cell']}"
    age = duration(summary["time_after_write [s]"])
    which = f"card {summary['card']}, engine {summary['engine']}, seed {summary['seed']}"
    yield f"{summary['chips']} chip{'' if summary['chips'] == 1 else 's'} of {which}"
    yield f"{cells}, {age} after programming"
    yield _wires(summary) + f"; effects off: {', '.join(summary['off']) or 'none'}"
    yield from summary.get("cautions", ())


def _wires(summary: Summary) -> str:
    ohm, worst = (
        summary["wires"].get("segment [ohm]"),
        max(line_findings.kappas(summary).values(), default=0.0),
    )
    if ohm is None:
        return "wires not known"
    words = f"wires {digits(ohm)} ohm per segment, kappa up to {digits(worst)}"
    return f"{words}, not simulated" if line_findings.left_out(summary) else words


def accuracy(summary: Summary) -> RenderableType:
    """Return the accuracy by data set and what ran [%], with 95 % intervals: of the digital network over
    images, of crossbars over chips on these images, and over chips and images.
    """
    table = _table("accuracy [%], 95 % intervals", "", "over chips and images")
    for name, part in sets_of(summary).items():
        table.add_row(f"{name}, digital", _share(part["digital"], "accuracy"), "")
        for engine, sets in _engines(summary).items():
            found = sets[name]["crossbar"]["accuracy"]
            table.add_row(f"{name}, {engine}", _share(found, "mean"), _ends(found["task"]))
    return Padding(Whole(table), (1, 0, 0, 0))


def _engines(summary: Summary) -> dict[str, dict[str, Summary]]:
    """Return sets by what ran them: crossbars, or aihwkit with memsim beside it."""
    if "crossbar" not in summary:
        return {}
    if "beside" in summary:
        return {"aihwkit": sets_of(summary), "memsim": sets_of({**summary, **summary["beside"]})}
    return {"crossbars": sets_of(summary)}


def answers(summary: Summary) -> RenderableType:
    """Return cross-entropy and margin of both executions, and the share of equal answers."""
    table = _table("", "cross-entropy [nat]", "margin", "same answers")
    for name, part in sets_of(summary).items():
        rows = [part["digital"]] + ([part["crossbar"]] if "crossbar" in part else [])
        pairs = [" → ".join(f"{row[key]:.3f}" for row in rows) for key in ("cross_entropy", "margin")]
        table.add_row(name, *pairs, percent(part["agreement"]) if "agreement" in part else "")
    if "spike_mismatch" in summary:
        differ = list(summary["spike_mismatch"].values())
        table.add_row("spikes that differ", "", "", percent(sum(differ) / len(differ)))
    return Padding(Whole(table), (1, 0, 0, 0))


def energy(summary: Summary) -> str:
    """Return the crossbars' energy as a band, and its largest part."""
    parts = summary["breakdown"]
    words = f"Energy of an image on crossbars: {span(band_of(summary, 'crossbar'))}"
    total = sum(parts.values())
    if not total > 0:
        return f"{words}."
    largest = max(parts, key=lambda part: parts[part])
    return f"{words}; largest part {largest}, {percent(parts[largest] / total, 0)}."


def baselines(summary: Summary) -> RenderableType:
    """Return each digital baseline, the crossbars' energy that covers the same work, and who wins; one
    unit.
    """
    found = summary["energy"]
    lines = [(key, found[key], BASELINES[key].rival) for key in BASELINES if key in found]
    factor, unit = prefixed(max(joule for _, joule, _ in lines), "J")
    table = _table("digital baseline", f"[{unit}]", f"crossbars [{unit}]", "verdict", right=(1,))
    for key, joule, rival in lines:
        ours = verdict = ""
        if rival in found:
            band = band_of(summary, rival)
            ends = dict.fromkeys(digits(factor * end) for end in band)
            ours, verdict = " to ".join(ends), WINS[band.against(joule)]
        table.add_row(SHORT[key], digits(factor * joule), ours, verdict)
    return Padding(Whole(table), (1, 0, 1, 0))


def sizes(summary: Summary) -> Iterator[str]:
    """Yield the time and area."""
    if "latency [s/image]" in summary:
        yield f"Time for an image: {quantity(summary['latency [s/image]'], 's')}."
    found = [(known(summary[key]), of) for key, of in AREAS.items() if key in summary]
    if found:
        areas = "; ".join(f"{digits(1e6 * area)} mm²{of}" for (area, _), of in found)
        missing = [*dict.fromkeys(part for (_, parts), _ in found for part in parts)]
        yield f"Area of parts with a known size: {areas}." + (
            f" Unknown: {', '.join(missing)}." if missing else ""
        )


def _table(*columns: str, right: tuple[int, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(columns):
        table.add_column(escape(name), justify="right" if place in right else "left", no_wrap=True)
    return table


def _share(share: Summary, mean: str) -> str:
    if len(share.get("per_chip", (0, 0))) < 2:
        return f"{100 * share[mean]:.2f} (one chip)"
    return f"{100 * share[mean]:.2f} {_ends(share)}"


def _ends(span: Summary) -> str:
    return f"[{100 * span['low']:.1f}, {100 * span['high']:.1f}]"
