"""Figures of the numbers of maps: agreement along time, deletion and insertion, spikes that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from memsim.models.seeing.agreement import MEASURES
from memsim.models.seeing.kinds import CLASS
from memsim.studies.reports.draw import legend
from memsim.studies.reports.figure_style import COLUMN, CROSSBAR, DIGITAL, LINES, PAGE, QUIET, drawn
from memsim.studies.reports.quantities import duration
from memsim.studies.seeing.numbers import Check, Tables, estimate
from memsim.studies.seeing.sight import Sight

NEURONS = 40
"""Neurons of a layer that a raster shows, evenly picked."""


@drawn
def agreement_figure(
    found: Mapping[str, Mapping[str, Mapping[float, Tables]]], controls: Mapping[str, Tables], chance: float
) -> Figure:
    """Return the agreement with the digital network along time, by network and kind of map, beside the
    controls of the first network.
    """
    figure = Figure(figsize=(PAGE, 3.2))
    for ax, (measure, span) in zip(figure.subplots(1, len(MEASURES)), MEASURES.items(), strict=True):
        for line, (title, kinds) in enumerate(found.items()):
            for place, (kind, times) in enumerate(kinds.items()):
                points = [(time, estimate(tables[measure], span)) for time, tables in times.items()]
                ends = [((e.task or e.here).low, e.mean, (e.task or e.here).high) for _, e in points]
                aside = 1.25 ** (line * len(kinds) + place - len(found) * len(kinds) / 2)
                ax.errorbar(
                    [max(time, 1.0) * aside for time, _ in points], [mean for _, mean, _ in ends],
                    [[mean - low for low, mean, _ in ends], [high - mean for _, mean, high in ends]],
                    fmt="osD^"[place % 4], linestyle=("-", "--", ":", "-.")[line % 4], color=LINES[place],
                    markerfacecolor=LINES[place] if line == 0 else "white", markersize=3.5, linewidth=1,
                    capsize=2, label=f"{title}: {kind}" if len(found) > 1 else kind,
                )  # fmt: skip
        for style, (name, tables) in zip(
            ((0, (1, 1)), (0, (4, 2)), (0, (6, 2, 1, 2))), controls.items(), strict=False
        ):
            mean = estimate(tables[measure], span).mean
            ax.axhline(mean, color=QUIET, linewidth=0.8, linestyle=style, label=f"{CLASS}: {name}")
        if measure.startswith("overlap"):
            ax.axhline(chance, color="0.8", linewidth=0.8, label="chance")
        _along_time(
            ax, sorted({time for kinds in found.values() for times in kinds.values() for time in times})
        )
        ax.set_ylabel(measure)
    legend(figure, 2)
    figure.set_label(
        "Agreement of a chip's maps with those of its digital network: means with 95 % intervals over chips "
        "and images. Lines: what agrees by accident, with weights randomised, and between different pictures."
    )
    return figure


def _along_time(ax: Axes, times: Sequence[float]) -> None:
    ax.set_xscale("log")
    places = [max(time, 1.0) for time in times]
    ax.set_xticks(places, [duration(time) for time in times], rotation=30, ha="right")
    ax.minorticks_off()
    ax.set_xlim(min(places) / 3, max(places) * 3)
    ax.set_xlabel("time since programming")
    ax.grid(axis="y", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)


@drawn
def curve_figure(check: Check) -> Figure:
    """Return the probability of the class while places are erased, or inserted, along the map and in a
    random order.
    """
    figure = Figure(figsize=(COLUMN * 1.6, 2.4))
    for ax, name in zip(figure.subplots(1, 2, sharey=True), ("deletion", "insertion"), strict=True):
        for curves, label, colour in (
            (check.along, "along the map", DIGITAL),
            (check.random, "in a random order", QUIET),
        ):
            values: Tensor = getattr(curves, name)[0]
            mean, error = values.mean(0), 1.96 * values.std(0, correction=0) / len(values) ** 0.5
            ax.plot(curves.share, mean, color=colour, label=label)
            ax.fill_between(curves.share, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
        ax.set_xlabel(f"share of places {'erased' if name == 'deletion' else 'shown'} [1]")
        ax.set_title(name)
    figure.axes[0].set_ylabel("probability of the class [1]")
    legend(figure, 2)
    figure.set_label(
        "Probability that the digital network gives the class while places are erased or inserted, those of "
        "the highest map first or in a random order: means over images, bands two standard errors."
    )
    return figure


@drawn
def raster_figure(sight: Sight) -> Figure:
    """Return spikes of the first picture, digital and on the first chip: one panel for each time."""
    own = sight.digital.raster
    figure = Figure(figsize=(PAGE, 0.6 + 1.9 * len(sight.times)))
    panels = figure.subplots(len(sight.times), 1, squeeze=False, sharex=True)[:, 0]
    for ax, (time, seen) in zip(panels, sight.times.items(), strict=True):
        start, ticks = 0, []
        for name, fired in own.items():
            pick = np.linspace(0, fired.shape[1] - 1, NEURONS).round().astype(int)
            ours, theirs = fired[:, pick].numpy(), seen.raster[name][:, pick].numpy()
            for found, colour, label in (
                (ours & theirs, "0.15", "both"), (ours & ~theirs, DIGITAL, "digital alone"),
                (theirs & ~ours, CROSSBAR, "chip alone"),
            ):  # fmt: skip
                step, neuron = found.nonzero()
                ax.scatter(start + step, neuron, s=2, marker="|", color=colour, label=label, linewidths=1.2)
            ticks.append(start + (len(ours) - 1) / 2)
            start += len(ours) + 1
        ax.set_xticks(ticks, list(own), rotation=60, ha="right", fontsize=5)
        ax.set_ylabel(f"neuron\nafter {duration(time)}")
        ax.set_yticks([])
    panels[-1].set_xlabel("layer, each with its time steps from left to right")
    legend(figure, 3)
    figure.set_label(
        f"Spikes of the first picture, layer by layer along its time steps; {NEURONS} neurons of each layer, "
        "evenly picked."
    )
    return figure
