"""A comparison as a folder that stands alone: the report, figures, tables, numbers, the resolved card.

result.json   what ``memsim compare --json`` prints
run.json      what it ran on, every answer, and what else the report shows, for ``memsim report``
card.toml     the chip card, every field
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from memsim.studies.reports import figures, report_folder
from memsim.studies.reports.account import Account
from memsim.studies.reports.break_even import break_even
from memsim.studies.reports.comparison_page import document
from memsim.studies.reports.report_folder import Files, pages
from memsim.studies.running import comparison_file, provenance
from memsim.studies.running.finite import finite

if TYPE_CHECKING:
    from memsim.studies.evaluation.comparison import Comparison


def write_report(
    comparison: Comparison, folder: str | Path, *, worth: Sequence[dict[str, Any]] | None = None
) -> Path:
    """Write the report with result.json, run.json and card.toml; returns the page.

    worth: rows of what attention is worth.
    Raises OSError naming the folder where it cannot be written; then nothing of it is left behind.
    """
    return report_folder.write(folder, lambda: files(comparison, worth))


def write_again(folder: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of a comparison anew from its folder, into itself or `out`; returns the page.

    Nothing is run: neither a network nor a file of the folder.
    Raises ValueError for a folder that is damaged or too old, OSError for one that cannot be written.
    """
    kept = comparison_file.recall(folder)
    account = Account.read(kept)
    numbers = {
        name: (kept.folder / name).read_bytes() for name in (comparison_file.RESULT, comparison_file.FILE)
    }
    return report_folder.write(folder if out is None else out, lambda: drawn(account, numbers))


def files(comparison: Comparison, worth: Sequence[dict[str, Any]] | None = None) -> Files:
    """Return everything a report consists of, by its path in the folder; the page last."""
    account = Account.of(comparison, worth)
    result = json.dumps(finite(account.result), indent=2, allow_nan=False) + "\n"
    run = comparison_file.made(comparison, result, account.json())
    return drawn(account, {comparison_file.RESULT: result.encode(), comparison_file.FILE: run.encode()})


def drawn(account: Account, numbers: Files) -> Files:
    """Return the numbers with the card, figures, tables and the page that an account gives."""
    found = draw(account.summary, account.sample)
    if account.balance is not None:
        found["break-even"] = break_even(account.balance, f"{account.summary['model']}: break-even")
    card = {provenance.CARD_FILE: provenance.toml(account.card).encode()}
    return {**numbers, **card, **pages(*document(account, found))}


def draw(summary: Mapping[str, Any], sample: Mapping[str, Any]) -> dict[str, Figure]:
    """Return every figure that the summary and the sample (of an account) have data for."""
    found = {
        "accuracy": figures.accuracy(summary),
        **({"spikes": figures.spikes(summary)} if "spike_rate" in summary else {}),
        **({"energy": figures.energy(summary)} if "energy" in summary else {}),
    }
    for name, maps in zip(("attention-first", "attention-last"), sample.get("maps", ()), strict=False):
        digital, written = (np.asarray(maps[kind]) for kind in ("digital", "written"))
        found[name] = figures.attention(
            digital, written, np.asarray(sample["image"]), layer=maps["layer"], step=maps["step"]
        )
    if "conductances" in sample:
        found["conductances"] = figures.conductances(
            sample["conductances"], time=summary["time_after_write [s]"]
        )
    return found
