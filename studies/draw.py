"""How studies show their points: lines of a table with intervals, figures with one bar of uncertainty each.

A caption is a figure's label (`Figure.set_label`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from studies.figure_style import COLUMN, CROSSBAR, DIGITAL, PAGE, PARTS, QUIET, drawn
from studies.points import Estimate, Point
from studies.quantities import digits, quantity
from studies.quantities import points as difference
from studies.table import Table

MEASURES = {
    "accuracy [1]": "accuracy [%]",
    "harder accuracy [1]": "harder: accuracy [%]",
    "cross-entropy [nat]": "cross-entropy [nat]",
    "harder cross-entropy [nat]": "harder: cross-entropy [nat]",
    "margin [1]": "margin [1]",
    "spike mismatch [1]": "spikes that differ [%]",
    "agreement [1]": "agreement [%]",
}
"""Columns of a result -> what a table calls them, in its order."""

PER_CENT = {name for name, shown in MEASURES.items() if "[%]" in shown}
NOTE = (
    "Brackets hold 95 % intervals: Student's t over chips, which all see the same images; where there is one "
    "execution only, or every chip gives the same, Wilson's over images. “Chips to halve” is how many chips "
    "would halve the interval of the accuracy."
)


def cell(estimate: Estimate, column: str) -> str:
    """An estimate as a table shows it: "91.64 [90.16, 93.11]", or the mean alone where no interval exists."""
    factor, places = (100, 2) if column in PER_CENT else (1, 3)
    if not (isfinite(estimate.low) and isfinite(estimate.high)):
        return f"{factor * estimate.mean:.{places}f}"
    low, mean, high = (f"{factor * x:.{places}f}" for x in (estimate.low, estimate.mean, estimate.high))
    return f"{mean} [{low}, {high}]".replace("-", "−")


def change(estimate: Estimate | None, column: str) -> str:
    """A paired difference: "−1.20 [−1.61, −0.79]", in points for shares."""
    if estimate is None:
        return ""
    show: Callable[[float], str] = (
        difference if column in PER_CENT else (lambda x: f"{x:+.3f}".replace("-", "−"))
    )
    if not isfinite(estimate.low):
        return show(estimate.mean)
    return f"{show(estimate.mean)} [{show(estimate.low)}, {show(estimate.high)}]"


def measured(points: Sequence[Point]) -> list[str]:
    """The measures that any of the points has, in a table's order."""
    return [name for name in MEASURES if any(name in point.columns for point in points)]


def main_column(points: Sequence[Point]) -> str:
    """The accuracy that can move: on the harder test set where there is one."""
    return next(c for c in ("harder accuracy [1]", "accuracy [1]") if c in measured(points))


def lines(
    title: str,
    points: Mapping[str, Point],
    *,
    reference: Point | None = None,
    columns: Sequence[str] = (),
    note: str = NOTE,
) -> Table:
    """A table with a line for each named point: every measure with its interval, and where a reference is
    given the paired change of the main accuracy against it.
    """
    found = list(columns) or [c for c in measured(list(points.values())) if c != "agreement [1]"]
    main = main_column(list(points.values()))
    header = [
        "",
        *(MEASURES[c] for c in found),
        *([f"change, {MEASURES[main]}"] if reference else []),
        "chips",
        "chips to halve",
    ]
    rows = []
    for name, point in points.items():
        row = [name, *(cell(point.estimate(c), c) if c in point.columns else "" for c in found)]
        if reference is not None:
            row.append("" if point is reference else change(point.against(reference, main), main))
        halving = point.estimate(main).halving
        rows.append([*row, str(len(point.chips)), "" if halving is None else str(halving)])
    return Table(title=title, header=header, rows=rows, note=note)


def named(point: Point) -> str:
    """A point's labels as text."""
    return ", ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in point.labels.items())


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """The table of a study that brings none: a line for each point."""
    return {"points": lines("All points", {named(point): point for point in points})} if points else {}


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """The figure of a study that brings none: each point's accuracy with its interval."""
    return {"accuracy": forest({named(point): point for point in points})} if points else {}


@drawn
def forest(
    points: Mapping[str, Point],
    *,
    groups: Mapping[str, str] | None = None,
    caption: str = "",
    reference: Point | None = None,
) -> Figure:
    """A line for each point: accuracy [%], harder accuracy where measured, and spikes that differ [%].

    groups: a point's name -> the heading it stands under; reference: drawn as a vertical line.
    """
    some = list(points.values())
    columns = [
        c for c in ("accuracy [1]", "harder accuracy [1]", "spike mismatch [1]") if c in measured(some)
    ]
    heights, ticks, y, last = [], [], 0.0, None
    for name in points:
        group = (groups or {}).get(name)
        y += 0.7 if last is not None and group != last else 0.0
        heights.append(y)
        ticks.append(f"{group}: {name}" if group and group != last else name)
        y, last = y + 1, group or ""
    figure = Figure(figsize=(PAGE, 0.8 + 0.16 * (y + 1)))
    axes = np.atleast_1d(figure.subplots(1, len(columns), sharey=True))
    for ax, column in zip(axes, columns, strict=True):
        for height, point in zip(heights, some, strict=True):
            if column in point.columns:
                bar(ax, point.estimate(column), height, column)
        if reference is not None and column in reference.columns:
            ax.axvline(100 * reference.estimate(column).mean, color=QUIET, linewidth=0.7, linestyle=":")
        digital = some[0].values.get(column.replace("accuracy", "digital accuracy"))
        if digital is not None and "accuracy" in column:
            ax.axvline(100 * digital, color=DIGITAL, linewidth=0.8, label="digital")
        ax.set_xlabel(MEASURES[column])
        ax.grid(axis="x", color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
    axes[0].set_yticks(heights, ticks)
    axes[0].set_ylim(y, -0.9)
    figure.set_label(caption or "Means over chips with 95 % intervals; blue: digital.")
    return figure


def bar(
    ax: Axes, estimate: Estimate, at: float, column: str, *, vertical: bool = False, **style: Any
) -> None:
    """One estimate as a mark with its interval."""
    factor = 100 if column in PER_CENT else 1
    mean, low, high = (factor * x for x in (estimate.mean, estimate.low, estimate.high))
    spread = [[max(mean - low, 0)], [max(high - mean, 0)]] if isfinite(low) and isfinite(high) else None
    look = {"fmt": "o", "color": CROSSBAR, "markersize": 3.5, "linewidth": 0.9, "capsize": 2} | style
    if vertical:
        ax.errorbar([at], [mean], yerr=spread, **look)
    else:
        ax.errorbar([mean], [at], xerr=spread, **look)


@drawn
def curves(
    series: Mapping[str, Sequence[tuple[float, Point]]],
    *,
    x_label: str,
    columns: Sequence[str],
    log: bool = True,
    ticks: Mapping[float, str] | None = None,
    caption: str = "",
) -> Figure:
    """Measures against a number: a panel for each column, a line with bars for each series."""
    some = [point for line in series.values() for _, point in line]
    figure = Figure(figsize=(PAGE if len(columns) > 1 else COLUMN, 2.9))
    axes = np.atleast_1d(figure.subplots(1, len(columns)))
    markers = "osD^vP*X"
    for ax, column in zip(axes, columns, strict=True):
        factor = 100 if column in PER_CENT else 1
        for number, (name, line) in enumerate(series.items()):
            there = [(x, p.estimate(column)) for x, p in line if column in p.columns]
            if not there:
                continue
            x, mean = [x for x, _ in there], [factor * e.mean for _, e in there]
            low = [factor * (e.mean - e.low) if isfinite(e.low) else 0 for _, e in there]
            high = [factor * (e.high - e.mean) if isfinite(e.high) else 0 for _, e in there]
            colour = PARTS[number % len(PARTS)] if PARTS[number % len(PARTS)] != "#F0E442" else "#333333"
            ax.errorbar(
                x, mean, [np.maximum(low, 0), np.maximum(high, 0)], fmt=f"-{markers[number % 8]}", color=colour,
                markersize=3.5, linewidth=1, capsize=2, label=name,
            )  # fmt: skip
        digital = some[0].values.get(column.replace("accuracy", "digital accuracy"))
        if digital is not None and "accuracy" in column:
            ax.axhline(100 * digital, color=DIGITAL, linewidth=0.8, label="digital")
        if log:
            ax.set_xscale("log")
        if ticks:
            ax.set_xticks(list(ticks), list(ticks.values()), rotation=45, ha="right")
            ax.minorticks_off()
        ax.set_xlabel(x_label)
        ax.set_ylabel(MEASURES.get(column, column))
        ax.grid(axis="y", color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 5))
    figure.set_label(caption)
    return figure


def energy(point: Point) -> str:
    """Energy for an image, as a table shows it."""
    value = point.values.get("energy [J]")
    return "" if value is None else quantity(value, "J")


def latency(point: Point) -> str:
    """Latency of an image, as a table shows it."""
    value = point.values.get("latency [s]")
    return "" if value is None else quantity(value, "s")


def number(value: float) -> str:
    """A number of three digits."""
    return digits(value)
