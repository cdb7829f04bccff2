"""Drift: accuracy from a second to ten years after programming, uncompensated, compensated, reprogrammed.

All points have the same chips: a chip is programmed once and ages along one path with any compensation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from matplotlib.figure import Figure

import memsim
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.intervals import TASK, Estimate
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import digits, duration, quantity
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "Accuracy under drift"

DAY, YEAR = 86400.0, 365 * 86400.0
TIMES = (1.0, 60.0, 3600.0, DAY, 30 * DAY, YEAR, 10 * YEAR)
COMPENSATIONS = ("none", "global", "column")
INTERVALS = {"month": YEAR / 12, "year": YEAR}
"""Intervals at which the weights are written again [s]; later times are multiples, just before a writing."""
MAPS, MAP = 64, "map rank correlation [1]"
"""Number of test images whose class-activation maps are compared with digital ones, and the measure."""


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield all times and compensations of a block with one programming, then each rewriting interval."""
    card = memsim.ChipCard.parse(dict(setting.card))
    for chips in blocks(setting.chips):
        shared = crossbars(setting, chips, card=card)
        for time in TIMES:
            for kind in COMPENSATIONS:
                yield _task(shared, time, kind, kind)
        for name, interval in INTERVALS.items():
            rewritten = card.replace(weights={"reprogram_every [s]": interval})
            shared = crossbars(setting, chips, card=rewritten)
            for time in (t for t in TIMES if t > interval):
                yield _task(shared, time, "global", f"global, rewritten every {name}")


def _task(shared: dict[str, Any], time: float, compensation: str, upkeep: str) -> Task:
    labels = {"upkeep": upkeep, "time [s]": time}
    return Task(
        study="drift", labels=labels, shared=shared,
        own={"time [s]": time, "compensation": compensation, "maps": MAPS},
    )  # fmt: skip


def _series(points: Sequence[Point]) -> dict[str, list[tuple[float, Point]]]:
    """Return points of each kind of upkeep along time: the three compensations first, in their order."""
    kinds = dict.fromkeys([*COMPENSATIONS, *(p.labels["upkeep"] for p in points)])
    ordered = sorted(points, key=lambda p: p.labels["time [s]"])
    found = {k: [(p.labels["time [s]"], p) for p in ordered if p.labels["upkeep"] == k] for k in kinds}
    return {kind: line for kind, line in found.items() if line}


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Tabulate accuracy by time and upkeep, the gain over no upkeep, the cost of upkeep, and all points."""
    if not points:
        return {}
    series, main = _series(points), draw.main_column(points)
    times = sorted({p.labels["time [s]"] for p in points})
    rows, gains = [], []
    for time in times:
        at = {kind: dict(line).get(time) for kind, line in series.items()}
        rows.append([duration(time), *(draw.cell(p.estimate(main), main) if p else "" for p in at.values())])
        none = at.get("none")
        if none:
            compared = [p.against(none, main) if p else None for k, p in at.items() if k != "none"]
            gains.append([duration(time), *(draw.change(d, main) for d in compared)])
    every = {f"{p.labels['upkeep']}, {duration(p.labels['time [s]'])}": p for p in points}
    out = {
        "accuracy": Table(
            title=f"{draw.heading(main)} by time since programming",
            header=["time", *series],
            rows=rows,
            note=draw.NOTE,
        )
    }
    if gains and len(series) > 1:
        out["gain"] = Table(
            title=f"Gain by upkeep: change of {draw.said(main)} [points] against none",
            header=["time", *(kind for kind in series if kind != "none")],
            rows=gains,
            note="Changes are taken chip by chip. Brackets hold 95 % intervals, Student's t over chips.",
        )
    if any("upkeep" in p.total for p in points):
        out["upkeep"] = _costs(series)
    return out | {"points": draw.lines("All points", every)}


def _costs(series: dict[str, list[tuple[float, Point]]]) -> Table:
    """Tabulate writes and energy of compensation and rewriting of one chip up to its last time."""
    rows = []
    for kind, line in series.items():
        counted = [(time, p) for time, p in line if p.total.get("upkeep")]
        if not counted:
            continue
        time, last = counted[-1]
        cost, image = last.total["upkeep"], last.total.get("energy [J]")
        write, read = (cost[f"{what} energy [J]"] for what in ("write", "read"))
        images = digits((write + read) / image) if image else ""
        rows.append([
            kind, duration(time), digits(cost["writes"]), quantity(write, "J"), quantity(read, "J"), images,
        ])  # fmt: skip
    header = [
        "upkeep",
        "up to",
        "device writes [1]",
        "energy of writing",
        "energy of reading for compensation",
        "as many images [1]",
    ]
    note = (
        "For one chip, without the first programming. With compensation, the arrays are read once after each "
        "rewriting and once at the end. The last column is the number of images that the chip could have "
        "processed with the same energy."
    )
    return Table(title="Cost of upkeep", header=header, rows=rows, note=note)


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Draw accuracy, cross-entropy and spikes that differ over time, a line for each kind of upkeep."""
    if not points:
        return {}
    caption = (
        "Means over chips with 95 % intervals against the time since programming, with the same chips at all "
        "times, and one line for each kind of compensation or rewriting."
    )
    return draw.along_time(_series(points), points, caption)


def findings(points: Sequence[Point]) -> list[str]:
    """Compare compensated and uncompensated chips: one sentence for all neighbouring times of one verdict."""
    if not points:
        return []
    main, series = draw.main_column(points), _series(points)
    none = dict(series.get("none", []))
    said = []
    for kind in (kind for kind in COMPENSATIONS if kind != "none"):
        gains = [(t, p.against(none[t], main)) for t, p in series.get(kind, []) if t in none]
        known = [(t, gain) for t, gain in gains if gain is not None]
        for verdict, run in groupby(known, key=lambda entry: _verdict(entry[1])):
            said.append(_sentence(f"{kind} compensation", verdict, list(run), main))
    said += _maps(series)
    kept = dict(series.get("global", []))
    for kind in (kind for kind in series if kind not in COMPENSATIONS):
        for time, point in series[kind]:
            gain = point.against(kept[time], main) if time in kept else None
            if gain is not None:
                upkeep = f"{kind}, against global compensation alone,"
                said.append(_sentence(upkeep, _verdict(gain), [(time, gain)], main))
    return said


def _maps(series: dict[str, list[tuple[float, Point]]]) -> list[str]:
    """Return a sentence on the agreement of maps with the digital network at the first and last time."""
    line = [(time, p) for time, p in series.get("global", []) if MAP in p.per_chip]
    if len(line) < 2:
        return []
    change = line[-1][1].against(line[0][1], MAP)
    ends = [f"{draw.cell(p.estimate(MAP), MAP)} after {duration(time)}" for time, p in (line[0], line[-1])]
    return [
        f"Class-activation maps of the chips have a rank correlation of {ends[0]} and {ends[1]} "
        "with those "
        f"of the digital network, a change of {draw.change(change, MAP)} (global compensation, chip by "
        "chip)."
    ]


def _verdict(gain: Estimate) -> str:
    """Return the verdict of a 95 % interval in words."""
    sign, over = gain.sure
    if sign:
        return f"is {'better' if sign > 0 else 'worse'} {over}"
    return "makes no difference" if gain.alike and gain.mean == 0 else "makes no significant difference"


def _sentence(upkeep: str, verdict: str, run: Sequence[tuple[float, Estimate]], column: str) -> str:
    """Return the sentence on neighbouring times of one verdict, with the smallest and largest difference."""
    task = verdict.endswith(TASK)
    times, gains = [duration(t) for t, _ in run], sorted((g for _, g in run), key=lambda g: g.mean)
    least, most = (gains[-1], gains[0]) if gains[-1].high < 0 else (gains[0], gains[-1])
    when = f"from {times[0]} to {times[-1]}" if len(run) > 1 else f"at {times[0]}"
    ends = [draw.change(gain, column, task=task) for gain in (least, most)]
    size = f"{ends[0]} to " * (ends[0] != ends[1]) + draw.change(most, column, "points", task=task)
    by, of = "by" if verdict.startswith("is ") else "with", "in" if most.alike else "of"
    what = f"{by} {size} {of} {draw.said(column)}"
    return f"{upkeep[:1].upper()}{upkeep[1:]} {verdict} {when} after programming, {what}."
