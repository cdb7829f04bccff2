"""A comparison as a folder that stands alone: report.html, figures, numbers, the resolved card.

The page loads nothing: its figures are inline SVG, its style is its own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import memsim
from memsim.arrays.writing.write_events import SILENT_PULSES, SILENT_TIES
from memsim.studies.evaluation.comparison import Comparison
from memsim.studies.reports import (
    bibliography,
    energy_findings,
    engine_findings,
    fault_findings,
    figures,
    findings,
    line_findings,
)
from memsim.studies.reports.break_even import break_even
from memsim.studies.reports.layer_table import layer_table
from memsim.studies.reports.page import environment, inline, whole, with_contents
from memsim.studies.reports.quantities import count, digits, duration, percent
from memsim.studies.reports.worth_table import worth_table
from memsim.studies.running import provenance

FIGURES = ("accuracy", "spikes", "energy", "break-even", "attention-first", "attention-last", "conductances")
PICTURES = [f"figures/{name}.{kind}" for name in FIGURES for kind in ("svg", "png")]
"""Files a report may have; what an earlier one left and this one does not draw is removed."""


def write_report(
    comparison: Comparison,
    folder: str | Path,
    *,
    worth: Sequence[dict[str, Any]] | None = None,
) -> Path:
    """Write report.html, result.json, card.toml and figures/ (SVG and PNG); returns the page.

    worth: rows of what attention is worth.
    Raises OSError naming the folder where it cannot be written; then nothing of it is left behind.
    """
    folder = Path(folder)
    with whole(folder, PICTURES) as place:
        place(files(comparison, worth))
    return folder / "report.html"


def files(
    comparison: Comparison,
    worth: Sequence[dict[str, Any]] | None = None,
) -> dict[str, bytes]:
    """Everything a report consists of, by its path in the folder; the page last."""
    summary = comparison.summary()
    drawn = draw(summary, comparison.sample)
    if comparison.balance is not None:
        drawn["break-even"] = break_even(comparison.balance, f"{summary['model']}: break-even")
    out: dict[str, bytes] = {}
    for name, figure in drawn.items():
        out[f"figures/{name}.svg"] = figures.svg(figure).encode()
        out[f"figures/{name}.png"] = figures.png(figure)
    result = summary | ({"worth": list(worth)} if worth else {})
    out["result.json"] = (json.dumps(_finite(result), indent=2, allow_nan=False) + "\n").encode()
    out[provenance.CARD_FILE] = provenance.toml(comparison.card).encode()
    out["report.html"] = with_contents(page(comparison, summary, drawn, worth)).encode()
    return out


def draw(summary: Mapping[str, Any], sample: Mapping[str, Any]) -> dict[str, Figure]:
    """Every figure that the summary and the sample have data for."""
    drawn = {
        "accuracy": figures.accuracy(summary),
        **({"spikes": figures.spikes(summary)} if "spike_rate" in summary else {}),
        **({"energy": figures.energy(summary)} if "energy" in summary else {}),
    }
    maps = sample.get("digital_maps", {})
    layers = [layer for layer in maps if layer in sample.get("crossbar_maps", {})]
    for name, layer in dict(
        zip(("attention-first", "attention-last"), layers[:1] + layers[1:][-1:], strict=False)
    ).items():
        digital, written = (np.asarray(sample[f"{kind}_maps"][layer]) for kind in ("digital", "crossbar"))
        step = digital.shape[1] - 1
        drawn[name] = figures.attention(
            digital[:, step], written[:, step], np.asarray(sample["image"]), layer=layer, step=step
        )
    if sample.get("before") and sample.get("after"):
        time = summary["time_after_write [s]"]
        drawn["conductances"] = figures.conductances(sample["before"], sample["after"], time=time)
    return drawn


def page(
    comparison: Comparison,
    summary: Mapping[str, Any],
    drawn: Mapping[str, Figure],
    worth: Sequence[dict[str, Any]] | None = None,
) -> str:
    """The report as one HTML document."""
    sample, card, chip = comparison.sample, comparison.card, comparison.chip
    wires_sentence, wires = line_findings.wires(summary)
    faults_sentence, faults = fault_findings.faults(summary)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            summary=summary,
            headline=findings.headline(summary),
            energy_ratio=energy_findings.energy_ratio(summary),
            losing=findings.losing(summary),
            setting=_setting(summary),
            cautions=summary.get("cautions", ()),
            results=[row.values() for row in findings.results(summary)],
            figures={name: inline(name, figure) for name, figure in drawn.items()},
            map_errors=[
                row.values()
                for row in findings.map_errors(
                    sample.get("digital_maps", {}), sample.get("crossbar_maps", {})
                )
            ],
            energy_verdict=energy_findings.energy_verdict(summary),
            even=[] if comparison.balance is None else list(energy_findings.break_even(comparison.balance)),
            lifetime=findings.lifetime(summary),
            silence=findings.silence(summary),
            layers=layer_table(summary),
            notes=[] if chip is None else _notes(chip.ledger),
            wires=[row.values() for row in wires],
            wires_sentence=wires_sentence,
            engines=engine_findings.engines(summary),
            engines_sentence=engine_findings.verdict(summary),
            faults=faults,
            faults_header=fault_findings.HEADER,
            faults_sentence=faults_sentence,
            worth=worth_table(worth) if worth else None,
            cells=[] if chip is None else [row.values() for row in provenance.cell_rows(card)],
            card_name=card.name,
            card_rows=provenance.card_rows(card),
            prices=_prices(card, summary),
            command=provenance.command(comparison.setting, worth=bool(worth)),
            versions=provenance.versions(),
            papers=[bibliography.entry(key).line for key in provenance.PAPERS],
        )
    )


def _setting(summary: Mapping[str, Any]) -> str:
    """One line under the headline: what was run."""
    words = [f"{summary['images']} images of {summary['dataset']}", f"seed {summary['seed']}"]
    if "chips" in summary:
        words = [
            f"{summary['chips']} chip{'' if summary['chips'] == 1 else 's'} of card {summary['card']}",
            f"weights on {summary['weights']}{_attention_on(summary)}",
            f"read {duration(summary['time_after_write [s]'])} after programming",
            f"engine {summary['engine']}",
            *words,
        ]
    off = summary.get("off")
    return "; ".join([*words, *([f"switched off: {', '.join(off)}"] if off else [])]) + "."


def _attention_on(summary: Mapping[str, Any]) -> str:
    return f", attention on {summary['attention_cell']}" if "attention_cell" in summary else ""


def _prices(card: memsim.ChipCard, summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Prices of the events that the chips had, or of all where none was counted."""
    happened = {line["event"] for line in summary.get("ledger", ())} or set(card.all_prices)
    shown = {event: price for event, price in card.all_prices.items() if event in happened}
    return [
        {
            "number": number,
            "event": event,
            "energy": digits(price.energy * 1e12),
            "source": price.source,
            "assumption": price.assumption,
        }
        for number, (event, price) in enumerate(shown.items(), 1)
    ]


def _notes(ledger: memsim.Ledger) -> list[Iterable[str]]:
    """Clipped conversions and floored conductances over all layers, for an image and chip."""
    totals: dict[str, float] = {}
    for (_, what), number in ledger.notes.items():
        totals[what] = totals.get(what, 0.0) + number / max(ledger.images, 1)
    conversions, resets, pulses = (ledger.number(event) for event in ("adc", "reset", "pulse"))
    base = {"clipped conversions": conversions, "floored conductances": resets}
    base |= {SILENT_TIES: pulses, SILENT_PULSES: pulses}
    named = {"clipped conversions": "of conversions", "floored conductances": "of device writes"}
    named |= {SILENT_TIES: "of pulses", SILENT_PULSES: "of pulses"}
    return [
        (what, count(number), f"{percent(number / base[what])} {named[what]}" if base.get(what) else "")
        for what, number in totals.items()
    ]


def _finite(value: Any) -> Any:
    """The value with numbers JSON has no word for replaced by null."""
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
