"""The curves of a training, from its rows: loss and validation accuracy, and where time steps change."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memsim.studies.reports.figure_style import COLUMN, CROSSBAR, DIGITAL, QUIET, drawn


@drawn
def curves(rows: Sequence[Mapping[str, Any]], name: str) -> Figure:
    """Return the mean loss (left, [nat]) and validation accuracy (right, [%]) of each epoch done."""
    figure = Figure(figsize=(COLUMN, 2.6))
    loss = figure.subplots()
    right = loss.twinx()
    done = [row["epoch"] + 1 for row in rows]
    loss.plot(done, [row["loss"] for row in rows], color=CROSSBAR, marker="o", markersize=2)
    right.plot(done, [100 * row["val_accuracy"] for row in rows], color=DIGITAL, marker="s", markersize=2)
    for before, row in pairwise(rows):
        if before.get("steps") != row.get("steps"):
            loss.axvline(row["epoch"] + 0.5, color=QUIET, linewidth=0.6, linestyle=":")
            loss.annotate(f"T = {row['steps']}", (row["epoch"] + 0.5, 1), xycoords=("data", "axes fraction"),
                          fontsize=7, color=QUIET, va="top")  # fmt: skip
    loss.set_xlabel("epochs")
    loss.set_ylabel("loss [nat]", color=CROSSBAR)
    right.set_ylabel("validation accuracy [%]", color=DIGITAL)
    right.spines["right"].set_visible(True)
    loss.xaxis.set_major_locator(MaxNLocator(integer=True))
    seconds = sum(row["wall_time [s]"] for row in rows)
    loss.set_title(f"{name}, {seconds / 60:.1f} min")
    return figure


def draw(rows: Sequence[Mapping[str, Any]], name: str, path: Path) -> None:
    """Write the curves to a .png, .svg or .pdf file (beside, then renamed: no viewer meets half of it)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        curves(rows, name).savefig(beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
