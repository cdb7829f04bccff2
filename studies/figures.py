"""The pictures of a comparison: pure functions of its summary and samples, sized for a paper's column.

Every figure is made and rendered with matplotlib's objects alone (no pyplot, no state), in a fixed style whatever the user's
matplotlibrc says; the same data give the same bytes.  Digital is blue, crossbars are vermilion everywhere (the palette of
Okabe & Ito 2008, safe for colour-blind eyes), and the two also differ in shape or position.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from studies.quantities import digits, duration, percent, prefixed, quantity

COLUMN, PAGE = 3.5, 7.2  # inch: one column and two of a journal page

DIGITAL, CROSSBAR, QUIET = "#0072B2", "#D55E00", "#666666"

PARTS = ("#D55E00", "#E69F00", "#F0E442", "#009E73", "#56B4E9", "#0072B2", "#CC79A7", "#999999")
"""Okabe-Ito, for the components of an energy."""

STYLE = {
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "memsim",
    "savefig.dpi": 300,
}
"""Sizes in points at printed size; text stays text, in whatever sans-serif font the reader has."""

BARE = dict.fromkeys(("Date", "Creator", "Format", "Type"))
"""Metadata left out, so that a file depends on its data alone."""


def _drawn(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the style; then settle the layout and freeze it, so that every rendering is the same."""

    @wraps(draw)
    def settle(*args: Any, **kwargs: Any) -> Figure:
        with _style():
            figure = draw(*args, **kwargs)
            for _ in range(2):
                figure.draw_without_rendering()
            figure.set_layout_engine("none")
        return figure

    return settle


def _style() -> Any:
    return matplotlib.style.context(["default", STYLE])


def svg(figure: Figure) -> str:
    """The figure as an SVG document."""
    out = io.StringIO()
    with _style():
        figure.savefig(out, format="svg", metadata=BARE)
    return re.sub(r"[ \t]+$", "", out.getvalue(), flags=re.MULTILINE)


def png(figure: Figure) -> bytes:
    """The figure as a PNG of 300 dots an inch."""
    out = io.BytesIO()
    with _style():
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


@_drawn
def accuracy(summary: Mapping[str, Any]) -> Figure:
    """Accuracy [%] of both executions on each test set: means with their intervals, and every chip as a dot."""
    sets = {str(summary["dataset"]): summary}
    sets.update({name[8:-1]: part for name, part in summary.items() if name.startswith("harder (")})
    figure = Figure(figsize=(COLUMN, 2.6))
    axes = figure.subplots(1, len(sets), squeeze=False)[0]
    for ax, (name, part) in zip(axes, sets.items(), strict=True):
        _point(ax, 0, part["digital"], DIGITAL, "s", share=part["digital"]["accuracy"])
        ax.set_xticks([0], ["digital"])
        if "crossbar" in part:
            of = part["crossbar"]["accuracy"]
            chips = np.array(of["per_chip"])
            offset = 0.12 + 0.16 * np.linspace(0, 1, len(chips)) if len(chips) > 1 else np.array([0.2])
            ax.scatter(1 + offset, 100 * chips, s=9, facecolors="none", edgecolors=CROSSBAR, linewidths=0.7)
            _point(ax, 1, of if len(chips) > 1 else {}, CROSSBAR, "o", share=of["mean"])
            ax.set_xticks([0, 1], ["digital", "crossbars"])
        ax.set_xlim(-0.5, 1.6 if "crossbar" in part else 0.5)
        low, high = ax.get_ylim()
        pad = max(0.04 * (high - low), 0.1)
        ax.set_ylim(max(low - pad, 0), min(high + pad, 100 + pad))
        ax.set_title(name)
        ax.grid(axis="y", color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
    axes[0].set_ylabel("accuracy [%]")
    figure.supxlabel("bars: 95 % interval (digital: images, crossbars: chips)", fontsize=7, color=QUIET)
    return figure


def _point(ax: Axes, x: float, interval: Mapping[str, Any], colour: str, marker: str, *, share: float) -> None:
    """A mean with its interval, where there is one, and its value beside it."""
    if "low" in interval:
        below, above = 100 * (share - interval["low"]), 100 * (interval["high"] - share)
        ax.errorbar([x], [100 * share], [[max(below, 0)], [max(above, 0)]], color=colour, capsize=3, linewidth=1.2)
    ax.plot([x], [100 * share], marker, color=colour, markersize=5)
    ax.annotate(
        digits(100 * share), (x, 100 * share), (-6, 0), textcoords="offset points", ha="right", va="center", fontsize=7
    )


@_drawn
def spikes(summary: Mapping[str, Any]) -> Figure:
    """Spike rate of both executions and the share of spikes that differ, by neuron layer, in the network's order."""
    rate, crossbar = summary["spike_rate"], summary.get("spike_rate_crossbar")
    layers = list(rate)
    y = np.arange(len(layers))
    figure = Figure(figsize=(1.4 * COLUMN, 0.7 + 0.17 * len(layers)))
    left, *right = np.atleast_1d(figure.subplots(1, 2 if crossbar else 1, sharey=True))
    left.plot([100 * rate[n] for n in layers], y, "s", color=DIGITAL, markersize=4, label="digital")
    if crossbar:
        left.plot([100 * crossbar[n] for n in layers], y, "o", color=CROSSBAR, markersize=5.5, mfc="none", label="crossbars")
        differ = [100 * summary["spike_mismatch"][n] for n in layers]
        right[0].barh(y, differ, 0.6, color=CROSSBAR)
        for row, value in zip(y, differ, strict=True):
            right[0].annotate(digits(value, 2), (value, row), (2, 0), textcoords="offset points", va="center", fontsize=6)
        right[0].set_xlabel("spikes that differ [%]")
        right[0].set_xlim(0, 1.18 * max(*differ, 1e-3))
    left.set_yticks(y, layers)
    left.set_ylim(len(layers) - 0.4, -0.6)
    left.set_xlim(left=0)
    left.set_xlabel("spike rate [% of steps]")
    figure.legend(loc="outside upper center", ncols=2)
    for ax in (left, *right):
        ax.grid(axis="x", color="0.9", linewidth=0.6)
        ax.tick_params(axis="y", length=0)
        ax.set_axisbelow(True)
    return figure


NAMES = {
    "digital_sop": "digital, SOP count",
    "digital_memory": "digital with memory",
    "digital_lut": "digital, level histogram",
    "crossbar": "crossbars",
}
"""Energies of a summary as a figure names them."""


@_drawn
def energy(summary: Mapping[str, Any]) -> Figure:
    """Energy for an image: the crossbars' components, largest first, and their total beside the digital counts."""
    totals, parts = summary["energy"], dict(sorted(summary.get("breakdown", {}).items(), key=lambda item: -item[1]))
    factor, unit = prefixed(max(totals.values()), "J")
    figure = Figure(figsize=(COLUMN, 0.9 + 0.22 * (len(totals) + len(parts))))
    rows = [len(totals), len(parts)] if parts else [1]
    axes = np.atleast_1d(figure.subplots(len(rows), 1, height_ratios=rows, sharex=True))
    colours = dict(zip(parts, PARTS, strict=False))
    for row, (name, joule) in enumerate(totals.items()):
        if name == "crossbar" and parts:
            start = np.concatenate([[0.0], np.cumsum(list(parts.values()))[:-1]])
            colour = [colours.get(part, QUIET) for part in parts]
            axes[0].barh(
                [row] * len(parts), np.array(list(parts.values())) * factor, 0.62, left=start * factor, color=colour
            )
        else:
            axes[0].barh([row], [joule * factor], 0.62, color=DIGITAL)
        _value(axes[0], row, joule * factor, quantity(joule, "J"))
    axes[0].set_yticks(range(len(totals)), [NAMES.get(name, name.replace("_", " ")) for name in totals])
    if parts:
        axes[1].barh(
            range(len(parts)), [j * factor for j in parts.values()], 0.62, color=[colours.get(p, QUIET) for p in parts]
        )
        for row, joule in enumerate(parts.values()):
            share = f" ({percent(joule / totals['crossbar'], 0)})" if totals.get("crossbar") else ""
            _value(axes[1], row, joule * factor, quantity(joule, "J") + share)
        axes[1].set_yticks(range(len(parts)), list(parts))
        axes[1].set_title("of which, crossbars", loc="left")
    for ax in axes:
        ax.invert_yaxis()
        ax.tick_params(axis="y", length=0)
    axes[-1].set_xlim(0, 1.02 * factor * max(totals.values()))
    axes[-1].set_xlabel(f"energy for an image [{unit}]")
    return figure


def _value(ax: Axes, row: float, value: float, text: str) -> None:
    """Write a bar's value after its end, or inside it where it is too long for that."""
    bound = ax.get_xlim()[1]
    inside = value > 0.55 * bound
    ax.annotate(text, (value, row), (-3 if inside else 3, 0), textcoords="offset points", va="center", fontsize=7)


@_drawn
def attention(
    digital_HNN: np.ndarray, written_HNN: np.ndarray, image: np.ndarray, *, layer: str, step: int, heads: int = 4
) -> Figure:
    """Attention weights A_ij [1] of one image: digital, as written on a chip, and their difference, a column for each head.

    Weights (H, N, N) with query tokens as rows; image (C, h, w) in [0, 1].  Digital and written share one colour scale.
    """
    shown = range(min(heads, len(digital_HNN)))
    digital, written = digital_HNN[: len(shown)], written_HNN[: len(shown)]
    low, high = _range(np.concatenate([digital.ravel(), written.ravel()]))
    reach = max(float(np.quantile(np.abs(written - digital), 0.995)), 1e-9)
    figure = Figure(figsize=(PAGE, 4.6))
    grid = figure.add_gridspec(3, len(shown) + 1, width_ratios=[*[1] * len(shown), 1])
    rows = (
        ("digital", digital, {"cmap": "cividis", "vmin": low, "vmax": high}),
        ("written on chip 0", written, {"cmap": "cividis", "vmin": low, "vmax": high}),
        ("written − digital", written - digital, {"cmap": "PuOr_r", "vmin": -reach, "vmax": reach}),
    )
    panels = [[figure.add_subplot(grid[r, 1 + h]) for h in shown] for r in range(3)]
    for axes, (label, maps, scale) in zip(panels, rows, strict=True):
        for ax, weights in zip(axes, maps, strict=True):
            drawn = ax.imshow(weights, interpolation="none", **scale)
            _token_axes(ax, first=ax is axes[0], last=axes is panels[-1])
        axes[0].set_ylabel(f"{label}\nquery token i")
        if axes is not panels[0]:
            beside = panels[0] + panels[1] if axes is panels[1] else panels[2]
            bar = figure.colorbar(drawn, ax=[ax for ax in beside if ax in figure.axes], extend="both", aspect=25)
            bar.set_label("A_ij [1]" if axes is panels[1] else "difference [1]")
    for ax, h in zip(panels[0], shown, strict=True):
        ax.set_title(f"head {h}")
    _picture(figure.add_subplot(grid[:2, 0]), image)
    figure.suptitle(f"{layer}, time step {step + 1}", fontsize=8)
    return figure


def _range(values: np.ndarray) -> tuple[float, float]:
    """All but the outermost half per cent on either side."""
    low, high = (float(v) for v in np.quantile(values, [0.005, 0.995]))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _token_axes(ax: Axes, *, first: bool, last: bool) -> None:
    ax.spines[["top", "right"]].set_visible(True)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(3, integer=True))
    ax.tick_params(labelleft=first, labelbottom=last, length=2)
    if last:
        ax.set_xlabel("key token j")


def _picture(ax: Axes, image: np.ndarray) -> None:
    """The input, grey for one channel and in colour for three."""
    colour = np.moveaxis(image, 0, -1)
    ax.imshow(colour if len(image) == 3 else image[0], cmap="gray", vmin=0, vmax=1, interpolation="none")
    ax.spines[["top", "right"]].set_visible(True)
    ax.set_title("input")
    ax.set_xlabel("pixel")
    ax.set_ylabel("pixel")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4, integer=True))


@_drawn
def conductances(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], *, time: float) -> Figure:
    """Histograms of the weight devices' conductances [S], drawn in µS, right after programming and at ``time`` [s].

    Each entry is one layer's (2, ...) or flattened pairs, all G+ before all G-.
    """
    pooled = [[_side(states, side) for side in (0, 1)] for states in (before, after)]
    top = max(float(values.max()) for pair in pooled for values in pair) * 1e6
    edges = np.linspace(0, max(top, 1e-3) * 1.0001, 61)
    figure = Figure(figsize=(COLUMN, 3.2))
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    for side, (ax, name) in enumerate(zip(axes, ("G+", "G−"), strict=True)):
        ax.hist(pooled[0][side] * 1e6, edges, color="#BBBBBB", label="right after programming")
        ax.hist(
            pooled[1][side] * 1e6, edges, histtype="step", color=CROSSBAR, linewidth=1.1, label=f"after {duration(time)}"
        )
        ax.set_yscale("log")
        ax.set_ylabel(f"{name} devices [1]")
    axes[1].set_xlabel("conductance [µS]")
    axes[0].legend(loc="upper right")
    return figure


def _side(states: Mapping[str, np.ndarray], side: int) -> np.ndarray:
    return np.concatenate([np.asarray(g).reshape(2, -1)[side] for g in states.values()])


@_drawn
def losses(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Accuracy [%] of several runs with intervals over chips: one line each, one panel for each test set they share."""
    sets = [key for key in rows[0] if _accuracy_of(rows[0][key])]
    figure = Figure(figsize=(PAGE * 0.8, 0.8 + 0.18 * len(rows)))
    axes = np.atleast_1d(figure.subplots(1, max(len(sets), 1), sharey=True))
    for ax, key in zip(axes, sets, strict=False):
        for y, row in enumerate(rows):
            found = _accuracy_of(row.get(key))
            if found:
                mean, low, high = (100 * found[k] for k in ("mean", "low", "high"))
                ax.errorbar([mean], [y], xerr=[[max(mean - low, 0)], [max(high - mean, 0)]], color=QUIET, capsize=2)
                ax.plot([mean], [y], "o", color=CROSSBAR, markersize=4)
        ax.set_xlabel(f"accuracy, {key} [%]")
        ax.grid(axis="x", color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
    axes[0].set_yticks(range(len(rows)), [str(row["what"]) for row in rows])
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    return figure


def _accuracy_of(entry: Any) -> Mapping[str, float] | None:
    """The {mean, low, high} of an entry, itself or under "accuracy"; None where there is none."""
    if isinstance(entry, Mapping):
        entry = entry.get("accuracy", entry)
        if isinstance(entry, Mapping) and {"mean", "low", "high"} <= set(entry):
            return entry
    return None
