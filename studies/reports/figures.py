"""The pictures of a comparison: pure functions of its summary and samples, sized for a paper's column.

Every axis has a unit, every mean its interval.  Digital is blue and square, crossbars vermilion and round.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memsim.energy.band import Band
from memsim.studies.reports.energy_findings import BASELINES, band_of, span
from memsim.studies.reports.figure_style import COLUMN, CROSSBAR, DIGITAL, PAGE, PARTS, QUIET, drawn, png, svg
from memsim.studies.reports.findings import sets_of
from memsim.studies.reports.quantities import digits, duration, percent, prefixed, quantity

__all__ = ["accuracy", "attention", "conductances", "energy", "png", "spikes", "svg"]


@drawn
def accuracy(summary: Mapping[str, Any]) -> Figure:
    """Draw the accuracy [%] of both executions on each test set: means with intervals, chips as dots."""
    sets = sets_of(summary)
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
        ax.set_xlim(-0.75, 1.6 if "crossbar" in part else 0.5)
        low, high = ax.get_ylim()
        pad = max(0.04 * (high - low), 0.1)
        ax.set_ylim(max(low - pad, 0), min(high + pad, 100 + pad))
        ax.set_title(name)
        ax.grid(axis="y", color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
    axes[0].set_ylabel("accuracy [%]")
    over = "digital: images, crossbars: chips" if "crossbar" in summary else "over images"
    figure.supxlabel(f"bars: 95 % interval ({over})", fontsize=7, color=QUIET)
    return figure


def _point(
    ax: Axes, x: float, interval: Mapping[str, Any], colour: str, marker: str, *, share: float
) -> None:
    """A mean with its interval, where there is one, and its value beside it."""
    if "low" in interval:
        below, above = 100 * (share - interval["low"]), 100 * (interval["high"] - share)
        ax.errorbar(
            [x], [100 * share], [[max(below, 0)], [max(above, 0)]], color=colour, capsize=3, linewidth=1.2
        )
    ax.plot([x], [100 * share], marker, color=colour, markersize=5)
    ax.annotate(
        digits(100 * share),
        (x, 100 * share),
        (-6, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=7,
    )


@drawn
def spikes(summary: Mapping[str, Any]) -> Figure:
    """Spike rate of both executions and share of spikes that differ [%], by layer in the network's order."""
    rate, crossbar = summary["spike_rate"], summary.get("spike_rate_crossbar")
    layers = list(rate)
    y = np.arange(len(layers))
    figure = Figure(figsize=(1.2 * COLUMN, 0.7 + 0.17 * len(layers)))
    left, *right = np.atleast_1d(figure.subplots(1, 2 if crossbar else 1, sharey=True))
    left.plot([100 * rate[n] for n in layers], y, "s", color=DIGITAL, markersize=4, label="digital")
    if crossbar:
        left.plot(
            [100 * crossbar[n] for n in layers],
            y,
            "o",
            color=CROSSBAR,
            markersize=5.5,
            mfc="none",
            label="crossbars",
        )
        differ = [100 * summary["spike_mismatch"][n] for n in layers]
        right[0].barh(y, differ, 0.6, color=CROSSBAR)
        for row, value in zip(y, differ, strict=True):
            right[0].annotate(
                digits(value, 2), (value, row), (2, 0), textcoords="offset points", va="center", fontsize=6
            )
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


CROSSBARS = {"crossbar": "crossbars", "crossbar_memory": "crossbars, with SRAM"}
"""The crossbars' energies of a summary as a figure names them."""


@drawn
def energy(summary: Mapping[str, Any]) -> Figure:
    """Draw the energy [J] for an image: the crossbars' beside the digital counts on a logarithmic axis, with
    the band of the crossbars' as a thick line, and below it the crossbars' components on an axis from zero.
    """
    totals = summary["energy"]
    parts = dict(sorted(summary.get("breakdown", {}).items(), key=lambda item: -item[1]))
    colours = [PARTS[i] if i < len(PARTS) else QUIET for i in range(len(parts))]
    rows = [1.4 * len(totals), len(parts)] if parts else [1.4 * len(totals)]
    figure = Figure(figsize=(COLUMN, 0.5 + 0.4 * len(rows) + 0.2 * sum(rows)))
    top, *below = np.atleast_1d(figure.subplots(len(rows), 1, height_ratios=rows))
    _totals(top, totals, {name: band_of(summary, name) for name in totals})
    if parts:
        largest = max(parts.values())
        factor = _energy_axis(below[0], 1.4 * largest)
        below[0].barh(range(len(parts)), [joule * factor for joule in parts.values()], 0.62, color=colours)
        below[0].set_yticks(range(len(parts)), list(parts))
        below[0].set_title("crossbars, by component", loc="left")
        total = sum(parts.values()) or 1.0
        for row, joule in enumerate(parts.values()):
            text, end = f"{quantity(joule, 'J')}, {percent(joule / total, 0)}", (joule * factor, row)
            below[0].annotate(text, end, (3, 0), textcoords="offset points", va="center", fontsize=7)
    return figure


def _totals(ax: Axes, totals: Mapping[str, float], bands: Mapping[str, Band]) -> None:
    """Energies [J] by name as marks on a logarithmic axis, in one unit; what is not above 0 has no mark."""
    factor, unit = prefixed(max(bands[name].high for name in totals), "J")
    for row, (name, joule) in enumerate(totals.items()):
        ours, band = name.startswith("crossbar"), bands[name]
        colour, marker = (CROSSBAR, "o") if ours else (DIGITAL, "s")
        if 0 < band.low < band.high:
            ends = [factor * band.low, factor * band.high]
            ax.plot(ends, [row, row], color=colour, linewidth=4, alpha=0.4, solid_capstyle="butt")
        if joule > 0:
            ax.plot([factor * joule], [row], marker, color=colour, markersize=5)
    if max(totals.values(), default=0.0) > 0:
        ax.set_xscale("log")
        ax.margins(x=0.08)
    names = CROSSBARS | {name: baseline.short for name, baseline in BASELINES.items()}
    ax.set_yticks(range(len(totals)), [f"{names[name]}\n{span(bands[name])}" for name in totals])
    ax.set_ylim(len(totals) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel(f"energy for an image [{unit}], logarithmic")


def _energy_axis(ax: Axes, largest: float) -> float:
    """Make a horizontal axis from 0 to an energy [J]; returns its scale."""
    factor, unit = prefixed(largest, "J")
    ax.set_xlim(0, 1.02 * factor * max(largest, 1e-18))
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(f"energy for an image [{unit}]")
    return factor


@drawn
def attention(
    digital_HNN: np.ndarray,
    written_HNN: np.ndarray,
    image: np.ndarray,
    *,
    layer: str,
    step: int,
    heads: int = 4,
) -> Figure:
    """Draw attention weights A_ij [1] of one image, a column for each head: digital, as written, the
    difference.

    Weights (H, N, N), a query token to a row; image (C, h, w) in [0, 1].  The first two share a colour scale.
    """
    shown = range(min(heads, len(digital_HNN)))
    digital, written = digital_HNN[: len(shown)], written_HNN[: len(shown)]
    low, high = _range(np.concatenate([digital.ravel(), written.ravel()]))
    reach = max(float(np.quantile(np.abs(written - digital), 0.995)), 1e-9)
    figure = Figure(figsize=(PAGE, 4.2))
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
            bar = figure.colorbar(
                drawn, ax=[ax for ax in beside if ax in figure.axes], extend="both", aspect=25
            )
            bar.set_label("weight A(i, j) [1]" if axes is panels[1] else "difference [1]")
    for ax, h in zip(panels[0], shown, strict=True):
        ax.set_title(f"head {h}")
    _picture(figure.add_subplot(grid[:, 0]), image)
    figure.suptitle(f"{layer}, time step {step + 1}", fontsize=8)
    return figure


def _range(values: np.ndarray) -> tuple[float, float]:
    """Return all but the outermost half per cent on either side."""
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


@drawn
def conductances(counted: Mapping[str, Any], *, time: float) -> Figure:
    """Draw histograms of the weight devices' conductances [S], in µS, after programming and at ``time`` [s].

    counted: as `memsim.studies.reports.account.histogram` gives them.
    """
    edges = np.linspace(0, 1e6 * counted["top [S]"], len(counted["before"][0]) + 1)
    figure = Figure(figsize=(COLUMN, 3.2))
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    for side, (ax, name) in enumerate(zip(axes, ("G+", "G−"), strict=True)):
        before, after = (np.asarray(counted[state][side]) for state in ("before", "after"))
        ax.hist(edges[:-1], edges, weights=before, color="#BBBBBB", label="right after programming")
        ax.hist(
            edges[:-1],
            edges,
            weights=after,
            histtype="step",
            color=CROSSBAR,
            linewidth=1.1,
            label=f"after {duration(time)}",
        )
        ax.set_yscale("log")
        ax.set_ylabel(f"{name} devices [1]")
    axes[1].set_xlabel("conductance [µS]")
    axes[0].legend(loc="upper right")
    return figure
