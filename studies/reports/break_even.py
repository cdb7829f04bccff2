"""Break-even as a figure: what a pulse and a conversion may cost at a spike rate before digital wins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from memsim.energy.break_even import Balance
from memsim.prices.technology import Technology
from memsim.studies.reports.energy_findings import BASELINES
from memsim.studies.reports.figure_style import CROSSBAR, LINES, PAGE, QUIET, drawn
from memsim.studies.reports.quantities import percent, quantity

RATES = np.geomspace(0.005, 1.0, 81)
"""Mean spike rates of the curves [1]."""

BITS = (10, 12, 14, 16)
"""ADC resolutions that the axis of energies of conversions marks."""

Curve = Callable[[str, float], float]


@drawn
def break_even(balance: Balance, title: str) -> Figure:
    """Return the energy of a pulse and of a conversion [J] below which crossbars win, by mean spike rate [%].

    One curve for each baseline; where it is absent crossbars do not win even for nothing.  The cross is
    today's run at the card's prices, the line through it the band of a conversion: a baseline whose curve
    crosses it is not decided.
    """
    figure = Figure(figsize=(PAGE, 3.3))
    left, right = figure.subplots(1, 2)
    _curves(left, balance, balance.even_pulse)
    _curves(right, balance, balance.even_conversion)
    for ax, event, what in ((left, "pulse-", "pulse"), (right, "adc-", "conversion")):
        price = balance.price(event)
        band = [end.price(event) for end in balance.ends]
        if band[0] < band[1]:
            ax.plot(
                [100 * balance.rate] * 2, band, "_-", color=CROSSBAR, linewidth=1, label="band of its energy"
            )
        ax.plot(
            [100 * balance.rate],
            [price],
            "X",
            color=CROSSBAR,
            markersize=8,
            zorder=5,
            label="this network and card",
        )
        ax.set_ylabel(f"energy of a {what} [J]")
        at = f"cross: {percent(balance.rate, 1)}, {quantity(price, 'J')}"
        ax.set_title(f"crossbars win below a curve; {at}", loc="left", fontsize=7)
        if not balance.number(event):
            ax.set_title(f"no {what}s", loc="left", fontsize=7)
    _bits(right, balance)
    figure.suptitle(title, fontsize=8)
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    figure.set_label(
        f"{title}: the energies of a pulse and of a conversion at which crossbars and a digital baseline "
        "take the same energy."
    )
    return figure


def _curves(ax: Axes, balance: Balance, curve: Curve) -> None:
    for colour, (key, baseline) in zip(LINES[1:], BASELINES.items(), strict=True):
        name = key.removeprefix("digital_")
        found = np.array([curve(name, rate) for rate in RATES])
        style = "--" if name.startswith("sop") else "-"
        ax.plot(100 * RATES, np.where(found > 0, found, np.nan), style, color=colour, label=baseline.short)
    ax.axvline(100 * balance.rate, color=QUIET, linewidth=0.5)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(1e-14, 1e-9)
    ax.xaxis.set_major_locator(FixedLocator([0.5, 1, 2, 5, 10, 20, 50, 100]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("mean spike rate [%]")
    ax.grid(color="0.92", linewidth=0.5)


def _bits(ax: Axes, balance: Balance) -> None:
    """What bits cost: the card's own converters as a band, the best ever published on an axis."""
    own = balance.converter.energy
    ax.axhspan(min(own.values()), max(own.values()), color="0.93", zorder=0)
    words = f"the card's ADCs, {min(own)} to {max(own)} bits"
    ax.annotate(words, (0.52, max(own.values())), va="bottom", fontsize=6, color=QUIET)
    survey = Technology.load(balance.card.technology).adc["survey"].energy
    beside = ax.twinx()
    beside.set_yscale("log")
    beside.set_ylim(ax.get_ylim())
    beside.yaxis.set_major_locator(FixedLocator([survey[bits] for bits in BITS]))
    beside.yaxis.set_major_formatter(FuncFormatter(lambda _, place: str(BITS[place or 0])))
    beside.yaxis.set_minor_locator(NullLocator())
    beside.spines["right"].set_visible(True)
    beside.set_ylabel("the best published ADCs [bit]")
