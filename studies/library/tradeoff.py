"""Trade-off: accuracy against energy and latency for other converters, pulses, tiles and devices.

The study changes one field of the card at a time, then ADC bits, devices per weight and pulses together, and
finds the Pareto front of all points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from statistics import median
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

import memsim
from memsim import devices
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.identity import digest
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.reports import draw
from memsim.studies.reports.figure_style import PAGE, PARTS, QUIET, drawn
from memsim.studies.reports.quantities import digits, duration, prefixed, quantity
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "Accuracy against energy and latency"

ADC_BITS = (4, 5, 6, 7, 9)
DAC_BITS = (4, 6)
PULSES = (4, 8, 32, 64)
TILES = (64, 128, 512)
DEVICES = (2, 4)
GRID_BITS, GRID_DEVICES, GRID_PULSES = (5, 6), (1, 2), (4, 16)
CARD = "the card"


WORSE = 0.01
"""Largest loss of accuracy against the card with which a point may be the cheapest [1]."""

LONGEST = 4
"""Bars of the figure of parts are cut above this multiple of the median energy [1]."""

LABEL = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
"""Box behind the energy of a bar that is cut."""


def variants(card: memsim.ChipCard, *, attention: bool = True) -> Iterator[tuple[str, Any, memsim.ChipCard]]:
    """(axis, value, card) of every point; of equal cards the first.

    attention: whether the network has any on arrays; where not, cards that differ in it alone are equal.
    """
    seen = set()
    for axis, value, changed in _variants(card):
        fields = dump(changed)
        key = digest(fields if attention else {**fields, "attention": None})
        if key not in seen:
            seen.add(key)
            yield axis, value, changed


def _variants(card: memsim.ChipCard) -> Iterator[tuple[str, Any, memsim.ChipCard]]:
    yield CARD, "", card
    for bits in ADC_BITS:
        yield "ADC bits", bits, card.replace(weights={"adc_bits": bits}, attention={"adc_bits": bits})
    for bits in DAC_BITS:
        yield "DAC bits", bits, card.replace(weights={"dac_bits": bits})
    for n in PULSES:
        yield "pulses n_max", n, card.replace(attention={"n_max": n})
    for side in TILES:
        yield "tile side", side, card.replace(weights={"tile_rows": side, "tile_columns": side})
    for count in DEVICES:
        yield "devices per weight", count, card.replace(weights={"devices_per_weight": count})
    for name in devices.names():
        cell = devices.get(name)
        if name not in ("ideal", card.weights.cell) and isinstance(cell, devices.WeightCell):
            yield "weights on", name, card.replace(weights={"cell": name, "g_max [S]": None})
        if name not in ("ideal", card.attention.cell) and isinstance(cell, devices.PulsedCell):
            yield "attention on", name, card.replace(attention={"cell": name, "n_max": None})
    for bits, count, n in product(GRID_BITS, GRID_DEVICES, GRID_PULSES):
        changed = card.replace(
            weights={"adc_bits": bits, "devices_per_weight": count}, attention={"adc_bits": bits, "n_max": n}
        )
        yield "together", f"{bits}-bit ADC, {count} device{'s' * (count > 1)}, n_max {n}", changed


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield every card on every block of chips, at the setting's time."""
    from memsim.studies.evaluation.subject import Subject
    from memsim.written_attention import attention_layers

    card = memsim.ChipCard.parse(dict(setting.card))
    attention = bool(attention_layers(Subject.of(setting).net))
    for axis, value, changed in variants(card, attention=attention):
        for chips in blocks(setting.chips):
            yield Task(
                study="tradeoff",
                labels={"axis": axis, "value": value, "time [s]": setting.time},
                shared=crossbars(setting, chips, card=changed),
                own={"time [s]": setting.time},
            )


def name(point: Point) -> str:
    """Return the name of a point in tables."""
    axis, value = point.labels["axis"], point.labels["value"]
    return axis if axis == CARD else f"{value}" if axis == "together" else f"{axis} {value}"


def pareto(points: Sequence[Point], cost: str = "energy [J]") -> list[Point]:
    """Return the points that no other beats in mean accuracy at the same cost or less, cheapest first."""
    priced = [p for p in points if cost in p.total]
    if not priced:
        return []
    main, front, best = draw.main_column(points), [], -1.0
    for point in sorted(priced, key=lambda p: (p.total[cost], -p.estimate(main).mean)):
        if point.estimate(main).mean > best:
            front.append(point)
            best = point.estimate(main).mean
    return front


def _table(heading: str, points: Sequence[Point], reference: Point | None) -> Table:
    base = draw.lines(heading, {name(p): p for p in points}, reference=reference)
    header = ["", "energy of an image", "latency of an image", "largest kappa [1]", *base.header[1:]]
    rows = [
        [
            row[0],
            draw.energy(p),
            draw.latency(p),
            digits(p.total["kappa [1]"]) if "kappa [1]" in p.total else "",
            *row[1:],
        ]
        for row, p in zip(base.rows, points, strict=True)
    ]
    note = (
        "kappa = r n g_max N² measures the effect of the resistance of wires: it is considerable above 0.3 "
        "and dominates above 1. On a card that does not simulate wires, such a point would be worse. The "
        "number of ADC bits does not change the latency here. "
    )
    return Table(title=heading, header=header, rows=rows, note=note + draw.NOTE)


def _ordered(points: Sequence[Point]) -> list[Point]:
    axes = [CARD, "ADC bits", "DAC bits", "pulses n_max", "tile side", "devices per weight", "weights on",
            "attention on", "together"]  # fmt: skip
    return sorted(points, key=lambda p: axes.index(p.labels["axis"]) if p.labels["axis"] in axes else 99)


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return the Pareto front of accuracy and energy, of accuracy and latency, and every point."""
    if not points:
        return {}
    reference = next((p for p in points if p.labels["axis"] == CARD), None)
    main = draw.said(draw.main_column(points))
    fronts = {"front": ("energy", "energy [J]"), "front-latency": ("latency", "latency [s]")}
    found = {key: (what, pareto(points, cost)) for key, (what, cost) in fronts.items()}
    out = {
        key: _table(f"Pareto front: {main} against {what}", front, reference)
        for key, (what, front) in found.items()
        if front
    }
    return out | {"points": _table("All points", _ordered(points), reference)}


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Draw accuracy against energy and latency with both fronts, and the parts of each point's energy."""
    if not any("energy [J]" in p.total for p in points):
        return {}
    return {"front": _front(points), "breakdown": _breakdown(_ordered(points))}


@drawn
def _front(points: Sequence[Point]) -> Figure:
    main = draw.main_column(points)
    figure = Figure(figsize=(PAGE, 3.2))
    axes = list(dict.fromkeys(p.labels["axis"] for p in _ordered(points)))
    for ax, cost, what in zip(
        figure.subplots(1, 2), ("energy [J]", "latency [s]"), ("energy", "latency"), strict=True
    ):
        there = [p for p in points if cost in p.total]
        if not there:
            ax.set_axis_off()
            continue
        costs = [p.total[cost] for p in there]
        factor, unit = prefixed(median(costs), cost[-2])
        for number, axis in enumerate(axes):
            style = {
                "color": PARTS[number % len(PARTS)] if axis != CARD else "black",
                "fmt": "osD^vP*Xh"[number % 9],
            }
            for point in (p for p in there if p.labels["axis"] == axis):
                draw.bar(
                    ax, point.estimate(main), factor * point.total[cost], main, vertical=True,
                    label=axis, **style,
                )  # fmt: skip
        front = pareto(points, cost)
        ax.step(
            [factor * p.total[cost] for p in front], [100 * p.estimate(main).mean for p in front],
            where="post", color=QUIET, linewidth=0.8, label="Pareto front", zorder=0,
        )  # fmt: skip
        ax.set_xscale("log")
        ax.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        ax.xaxis.set_minor_formatter(NullFormatter())
        if max(costs) < 100 * min(costs):  # more decades have no room for these
            plain = FuncFormatter(lambda x, _: f"{x:g}")
            ax.xaxis.set_major_formatter(plain)
            ax.xaxis.set_minor_formatter(plain)
        ax.set_xlabel(f"{what} of an image [{unit}]")
        ax.grid(color="0.92", linewidth=0.5)
        ax.set_axisbelow(True)
    figure.axes[0].set_ylabel(draw.MEASURES[main])
    draw.legend(figure, 5)
    figure.set_label(
        f"{draw.said(main).capitalize()} against energy and latency: every point with its 95 % interval over "
        "chips, and the Pareto front through the means."
    )
    return figure


@drawn
def _breakdown(points: Sequence[Point]) -> Figure:
    there = [p for p in points if "breakdown [J]" in p.total]
    parts = list(dict.fromkeys(part for p in there for part in p.total["breakdown [J]"]))
    factor, unit = prefixed(median(p.total["energy [J]"] for p in there), "J")
    figure = Figure(figsize=(PAGE, 0.9 + 0.16 * len(there)))
    ax = figure.subplots()
    left = np.zeros(len(there))
    for number, part in enumerate(parts):
        width = np.array([factor * p.total["breakdown [J]"].get(part, 0.0) for p in there])
        again, colour = divmod(number, len(PARTS))  # colours that come again are hatched
        style: dict[str, Any] = {
            "facecolor": PARTS[colour],
            "hatch": "//////" * again,
            "edgecolor": "white",
            "linewidth": 0,
        }
        ax.barh(range(len(there)), width, 0.7, left=left, label=part, **style)
        left += width
    end = 1.05 * max(x for x in left if x <= LONGEST * np.median(left))
    for row, (point, whole) in enumerate(zip(there, left, strict=True)):
        if whole > end:
            shown = f"{quantity(point.total['energy [J]'], 'J')} →"
            ax.text(0.99 * end, row, shown, ha="right", va="center", fontsize=7, bbox=LABEL)
    ax.set_xlim(0, end)
    ax.set_yticks(range(len(there)), [name(p) for p in there])
    ax.set_ylim(len(there) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(f"energy of an image [{unit}]")
    figure.legend(loc="outside upper center", ncols=4)
    cut = f" Bars of more than {LONGEST} times the median are cut, with their energy at the right."
    figure.set_label(f"The parts of the energy of an image for every point.{cut if max(left) > end else ''}")
    return figure


def findings(points: Sequence[Point]) -> list[str]:
    """Return the cheapest point that is not much worse than the card, and the card against integers."""
    if not points:
        return []
    main, said = draw.main_column(points), []
    card = next((p for p in points if p.labels["axis"] == CARD), None)
    if card is not None and "energy [J]" in card.total:
        said.append(_cheapest(points, card, main))
        integer = card.total.get("digital energy [J]", {}).get("digital_lut")
        if integer:
            times = card.total["energy [J]"] / integer
            said.append(
                f"The crossbars of the card take {times:.2g} times the energy of a digital execution of all "
                "work in integers with attention from a lookup table; memory is counted on neither side."
            )
    return said


def _cheapest(points: Sequence[Point], card: Point, column: str) -> str:
    """Return the cheapest point whose loss is at most WORSE at the lower end of the paired interval."""
    rule = (
        f"at most one point of {draw.said(column)} worse than the card (the lower end of the paired 95 % "
        "interval is −1 or above)"
    )
    if len(card.chips) < 2:
        return f"One chip gives no interval, so no point is known to be {rule}."
    good = {}
    for point in points:
        lost = point.against(card, column, of=len(points)) if "energy [J]" in point.total else None
        if lost is not None and lost.low >= -WORSE - 1e-9:
            good[name(point)] = (point.total["energy [J]"], point, lost)
    cheaper = {key: entry for key, entry in good.items() if entry[0] < card.total["energy [J]"]}
    if not cheaper:
        return (
            f"No point that takes less energy than the card ({draw.energy(card)} for an image) is known to "
            f"be {rule}."
        )
    _, best, lost = min(cheaper.values(), key=lambda entry: entry[0])
    return (
        f"The cheapest point that is {rule} is “{name(best)}”. It takes {draw.energy(best)} for an image "
        f"instead of {draw.energy(card)} and changes {draw.said(column)} by "
        f"{draw.change(lost, column, 'points')} {duration(card.labels['time [s]'])} after programming."
    )
