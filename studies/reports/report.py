"""A comparison as a folder that stands alone: the report, figures, tables, numbers, the resolved card.

result.json   what ``memsim compare --json`` prints
run.json      what it ran on and every answer, for ``memsim report A B``
card.toml     the chip card, every field
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from memsim.studies.evaluation.comparison import Comparison
from memsim.studies.reports import figures, report_folder
from memsim.studies.reports.break_even import break_even
from memsim.studies.reports.comparison_page import document
from memsim.studies.reports.report_folder import Files, pages
from memsim.studies.running import comparison_file, provenance


def write_report(
    comparison: Comparison, folder: str | Path, *, worth: Sequence[dict[str, Any]] | None = None
) -> Path:
    """Write the report with result.json, run.json and card.toml; returns the page.

    worth: rows of what attention is worth.
    Raises OSError naming the folder where it cannot be written; then nothing of it is left behind.
    """
    return report_folder.write(folder, lambda: files(comparison, worth))


def files(comparison: Comparison, worth: Sequence[dict[str, Any]] | None = None) -> Files:
    """Everything a report consists of, by its path in the folder; the page last."""
    summary = comparison.summary()
    drawn = draw(summary, comparison.sample)
    if comparison.balance is not None:
        drawn["break-even"] = break_even(comparison.balance, f"{summary['model']}: break-even")
    result = _finite(summary | ({"worth": list(worth)} if worth else {}))
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    out = {comparison_file.RESULT: text.encode()}
    out[comparison_file.FILE] = comparison_file.made(comparison, text).encode()
    out[provenance.CARD_FILE] = provenance.toml(comparison.card).encode()
    return out | pages(*document(comparison, drawn, worth))


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


def _finite(value: Any) -> Any:
    """The value with numbers JSON has no word for replaced by null."""
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
