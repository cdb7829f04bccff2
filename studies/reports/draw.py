"""How studies show their points: lines of a table with intervals, figures with one bar of uncertainty each.

A caption is a figure's label (`Figure.set_label`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import isfinite, nan
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memsim.studies.evaluation.intervals import TASK, Estimate, Span
from memsim.studies.evaluation.points import Point
from memsim.studies.reports.figure_style import COLUMN, CROSSBAR, DIGITAL, LINES, PAGE, QUIET, drawn
from memsim.studies.reports.quantities import digits, duration, quantity
from memsim.studies.reports.quantities import points as difference
from memsim.studies.reports.table import Table

MEASURES = {
    "accuracy [1]": "accuracy [%]",
    "harder accuracy [1]": "harder: accuracy [%]",
    "cross-entropy [nat]": "cross-entropy [nat]",
    "harder cross-entropy [nat]": "harder: cross-entropy [nat]",
    "margin [1]": "margin [1]",
    "spike mismatch [1]": "spikes that differ [%]",
    "agreement [1]": "agreement [%]",
    "map rank correlation [1]": "maps: rank correlation [1]",
    "map overlap of the top fifth [1]": "maps: overlap of the top fifth [1]",
}
"""Columns of a result -> what a table calls them, in its order."""

PER_CENT = {name for name, shown in MEASURES.items() if "[%]" in shown}
NOTE = (
    "Brackets hold 95 % intervals: Student's t over chips, which all see the same images. With only one "
    "execution, or with equal values on all chips, accuracy and agreement have intervals over images and "
    "other measures have none. Intervals over chips and images also hold for other images of the same kind. "
    "“Chips to halve” is the number of chips that would halve the interval of the accuracy, on the harder "
    "set if there is one. Changes are taken chip by chip."
)


def said(column: str) -> str:
    """Return a column's name as a sentence has it: "accuracy on the harder set"."""
    name = MEASURES.get(column.removeprefix("harder "), column).split(" [")[0]
    return f"{name} on the harder set" if column.startswith("harder ") else name


def heading(column: str) -> str:
    """Return a column's name as a title begins: "Accuracy on the harder set [%]"."""
    unit = MEASURES.get(column, column).rpartition(" [")[2]
    return f"{said(column)[:1].upper()}{said(column)[1:]} [{unit}"


def cell(estimate: Estimate, column: str) -> str:
    """Return an estimate as a table shows it: "91.64 [90.16, 93.11]", or the mean alone where no interval
    exists.

    Per cent and numbers of the measures that are known have fixed places, any other three digits.
    """

    def show(x: float) -> str:
        if column not in MEASURES:
            return digits(x)
        text = f"{100 * x:.2f}" if column in PER_CENT else f"{x:.3f}"
        return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")

    if estimate.alike or not (isfinite(estimate.low) and isfinite(estimate.high)):
        return show(estimate.mean)
    return f"{show(estimate.mean)} [{show(estimate.low)}, {show(estimate.high)}]"


def ends(span: Span | None, column: str) -> str:
    """Return the ends of an interval alone: "[88.01, 94.27]", nothing where there is none."""
    if span is None:
        return ""
    low, high = (f"{100 * x:.2f}" if column in PER_CENT else digits(x) for x in span)
    return f"[{low}, {high}]".replace("-", "−")


def change(estimate: Estimate | None, column: str, unit: str = "", *, task: bool = False) -> str:
    """Return a paired difference: "−1.20 [−1.61, −0.79]", in points for shares, "+1.20 (equal on all chips)"
    where no chip differs from the others, or the mean alone where one chip gives no interval.

    unit: what stands after it in a sentence, such as "points".
    task: with the interval over chips and images.
    """
    if estimate is None:
        return ""
    if task and estimate.task is not None:
        estimate = replace(estimate, low=estimate.task.low, high=estimate.task.high)
    show: Callable[[float], str] = difference if column in PER_CENT else _signed(column)
    mean, unit = show(estimate.mean), f" {unit}" if unit else ""
    if estimate.alike:
        return f"{mean}{unit} (equal on all chips)"
    if not isfinite(estimate.low):
        return f"{mean}{unit}"
    return f"{mean} [{show(estimate.low)}, {show(estimate.high)}]{unit}"


def _signed(column: str) -> Callable[[float], str]:
    def show(x: float) -> str:
        text = f"{x:+.3f}".replace("-", "−") if column in MEASURES else f"{'+' * (x > 0)}{digits(x)}"
        return text[1:] if text in ("+0.000", "−0.000") else text

    return show


def measured(points: Sequence[Point]) -> list[str]:
    """Return the measures that any of the points has, in a table's order; where a study has its own alone,
    these.
    """
    known = [name for name in MEASURES if any(name in point.per_chip for point in points)]
    return known or list(dict.fromkeys(name for point in points for name in point.per_chip))


def main_column(points: Sequence[Point]) -> str:
    """Return the accuracy that can move: on the harder test set where there is one; a study's first measure
    where it has no accuracy.  ValueError where nothing was measured on chips.
    """
    found = measured(points)
    if not found:
        raise ValueError("no point has a value for each chip: results need Result(per_chip={...})")
    return next((c for c in ("harder accuracy [1]", "accuracy [1]") if c in found), found[0])


def entropy_column(points: Sequence[Point]) -> str:
    """Return the cross-entropy that stands beside the main accuracy."""
    return main_column(points).replace("accuracy [1]", "cross-entropy [nat]")


def curve_columns(points: Sequence[Point]) -> dict[str, list[str]]:
    """Return columns of the two figures along a number: the accuracies, and what moves before they do."""
    found = measured(points)
    shown = {
        "accuracy": ("accuracy [1]", "harder accuracy [1]"),
        "before-accuracy": (entropy_column(points), "spike mismatch [1]"),
        "maps": ("map rank correlation [1]", "map overlap of the top fifth [1]"),
    }
    there = {name: [c for c in columns if c in found] for name, columns in shown.items()}
    return {name: columns for name, columns in there.items() if columns}


def lines(
    title: str,
    points: Mapping[str, Point],
    *,
    reference: Point | None = None,
    columns: Sequence[str] = (),
    note: str = NOTE,
) -> Table:
    """Return a table with a line for each named point: every measure with its interval, and where a reference
    is given the paired change of the main accuracy against it; how many chips, unless no point has several.
    """
    some = list(points.values())
    main = main_column(some)
    found = list(columns) or [c for c in measured(some) if c != "agreement [1]"]
    several = any(len(point.chips) > 1 for point in some)
    kept = any(main in point.marks for point in some)
    header = [
        "",
        *(MEASURES.get(c, c) for c in found),
        *([f"{MEASURES.get(main, main)}, {TASK}"] if kept else []),
        *([f"change, {MEASURES.get(main, main)}".replace("[%]", "[points]")] if reference else []),
        *(["chips", "chips to halve"] if several else []),
    ]
    rows = []
    for name, point in points.items():
        row = [name, *(cell(point.estimate(c), c) if c in point.per_chip else "" for c in found)]
        has = main in point.per_chip
        if kept:
            row.append(ends(point.estimate(main).task, main) if has else "")
        if reference is not None:
            compared = has and main in reference.per_chip and point is not reference
            row.append(change(point.against(reference, main), main) if compared else "")
        if several:
            halving = point.estimate(main).halving if has else None
            row += [str(len(point.chips)), "" if halving is None else str(halving)]
        rows.append(row)
    return Table(title=title, header=header, rows=rows, note=note)


def named(point: Point) -> str:
    """Return a point's labels as text."""
    return ", ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in point.labels.items())


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return the table of a study that brings none: a line for each point; its numbers where it has no
    chips.
    """
    every = {named(point): point for point in points}
    if measured(points):
        return {"points": lines("All points", every)}
    names = dict.fromkeys(k for p in points for k, v in p.total.items() if isinstance(v, (int, float)))
    rows = [[name, *(_number(p.total.get(k)) for k in names)] for name, p in every.items()]
    return {"points": Table(title="All points", header=["", *names], rows=rows)} if names else {}


def _number(value: Any) -> str:
    return digits(value) if isinstance(value, (int, float)) else ""


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return the figure of a study that brings none: each point's accuracy with its interval."""
    return {"points": forest({named(point): point for point in points})} if measured(points) else {}


@drawn
def forest(
    points: Mapping[str, Point],
    *,
    caption: str = "",
    reference: Point | None = None,
) -> Figure:
    """Draw a line for each point: accuracy [%], harder accuracy where measured, and spikes that differ [%].

    reference: drawn as a vertical line.
    """
    some = list(points.values())
    known = [c for c in ("accuracy [1]", "harder accuracy [1]", "spike mismatch [1]") if c in measured(some)]
    columns = known or measured(some)[:3]
    heights = range(len(some))
    figure = Figure(figsize=(PAGE, 0.8 + 0.16 * (len(some) + 1)))
    axes = np.atleast_1d(figure.subplots(1, len(columns), sharey=True))
    for ax, column in zip(axes, columns, strict=True):
        for height, point in zip(heights, some, strict=True):
            if column in point.per_chip:
                bar(ax, point.estimate(column), height, column)
        if reference is not None and column in reference.per_chip:
            factor = 100 if column in PER_CENT else 1
            ax.axvline(factor * reference.estimate(column).mean, color=QUIET, linewidth=0.7, linestyle=":")
        digital = _digital(some, column)
        if digital is not None:
            ax.axvline(100 * digital, color=DIGITAL, linewidth=0.8)
        ax.set_xlabel(MEASURES.get(column, column))
        ax.grid(axis="x", color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
    axes[0].set_yticks(heights, list(points))
    axes[0].set_ylim(len(some), -0.9)
    blue = " Blue line: the digital network." if any(_digital(some, c) is not None for c in columns) else ""
    figure.set_label((caption or "Means over chips with 95 % intervals.") + blue)
    return figure


def _digital(points: Sequence[Point], column: str) -> float | None:
    """Return the digital network's own accuracy, as the first point that has it gives it."""
    name = column.replace("accuracy", "digital accuracy")
    return next((p.total[name] for p in points if name != column and name in p.total), None)


def bar(
    ax: Axes, estimate: Estimate, at: float, column: str, *, vertical: bool = False, **style: Any
) -> None:
    """One estimate as a mark with its interval."""
    factor = 100 if column in PER_CENT else 1
    mean, low, high = (factor * x for x in (estimate.mean, estimate.low, estimate.high))
    sure = isfinite(low) and isfinite(high) and not estimate.alike
    spread = [[max(mean - low, 0)], [max(high - mean, 0)]] if sure else None
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
    ticks: Mapping[float, str] | None = None,
    caption: str = "",
) -> Figure:
    """Draw measures against a number on a logarithmic axis: a panel for each column, a line a series."""
    some = [point for line in series.values() for _, point in line]
    figure = Figure(figsize=(PAGE if len(columns) > 1 else COLUMN, 2.9))
    axes = np.atleast_1d(figure.subplots(1, len(columns)))
    markers = "osD^vP*X"
    for ax, column in zip(axes, columns, strict=True):
        factor = 100 if column in PER_CENT else 1
        for number, (name, line) in enumerate(series.items()):
            there = [(x, p.estimate(column)) for x, p in line if column in p.per_chip]
            if not there:
                continue
            x, mean = [x for x, _ in there], [factor * e.mean for _, e in there]
            known = [isfinite(e.low) and isfinite(e.high) and not e.alike for _, e in there]  # else: no bar
            low = [
                factor * max(e.mean - e.low, 0) if k else nan for k, (_, e) in zip(known, there, strict=True)
            ]
            high = [
                factor * max(e.high - e.mean, 0) if k else nan for k, (_, e) in zip(known, there, strict=True)
            ]
            ax.errorbar(
                x, mean, [low, high], fmt=f"-{markers[number % 8]}", color=LINES[number % len(LINES)],
                markersize=3.5, linewidth=1, capsize=2, label=name,
            )  # fmt: skip
        digital = _digital(some, column)
        if digital is not None:
            ax.axhline(100 * digital, color=DIGITAL, linewidth=0.8, label="digital")
        ax.set_xscale("log")
        if ticks:
            ax.set_xticks(list(ticks), list(ticks.values()), rotation=45, ha="right")
            ax.minorticks_off()
        ax.set_xlabel(x_label)
        ax.set_ylabel(MEASURES.get(column, column))
        ax.grid(axis="y", color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
    legend(figure, 5 if len(columns) > 1 else 2)  # a column's width holds no more
    figure.set_label(caption)
    return figure


def along_time(
    series: Mapping[str, Sequence[tuple[float, Point]]], points: Sequence[Point], caption: str
) -> dict[str, Figure]:
    """Draw accuracy, cross-entropy and spikes that differ over the time since programming, a line each."""
    ticks = {t: duration(t).replace(" second", " s") for t in sorted({p.labels["time [s]"] for p in points})}
    return {
        name: curves(series, x_label="time since programming", columns=columns, ticks=ticks, caption=caption)
        for name, columns in curve_columns(points).items()
    }


def legend(figure: Figure, columns: int) -> None:
    """One legend above all panels, each name in it once."""
    pairs = (pair for ax in figure.axes for pair in zip(*ax.get_legend_handles_labels(), strict=True))
    entries = {name: handle for handle, name in pairs}
    figure.legend(list(entries.values()), list(entries), loc="outside upper center", ncols=columns)


def energy(point: Point) -> str:
    """Return the energy for an image, as a table shows it."""
    value = point.total.get("energy [J]")
    return "" if value is None else quantity(value, "J")


def latency(point: Point) -> str:
    """Return the latency of an image, as a table shows it."""
    value = point.total.get("latency [s]")
    return "" if value is None else quantity(value, "s")
