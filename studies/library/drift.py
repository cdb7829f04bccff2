"""Drift: accuracy from a second to ten years after programming, uncompensated, compensated, reprogrammed.

The same chips throughout: a chip is programmed once and ages along one path, whatever compensates it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.figure import Figure

import memsim
from studies import draw
from studies.crossbars import crossbars
from studies.points import Point
from studies.quantities import digits, duration, quantity
from studies.study import Setting
from studies.table import Table
from studies.task import Task, blocks

title = "Accuracy under drift"

DAY, YEAR = 86400.0, 365 * 86400.0
TIMES = (1.0, 60.0, 3600.0, DAY, 30 * DAY, YEAR, 10 * YEAR)
COMPENSATIONS = ("none", "global", "column")
INTERVALS = (30 * DAY, YEAR)
"""How often the weights are written anew [s]; each is asked at the times it has come to pass."""


def tasks(setting: Setting) -> Iterator[Task]:
    """Every time and compensation of a block of chips shares one programming; each interval is another."""
    card = memsim.ChipCard.parse(dict(setting.card))
    for chips in blocks(setting.chips):
        shared = crossbars(setting, chips, card=card)
        for time in TIMES:
            for kind in COMPENSATIONS:
                yield _task(shared, time, kind, kind)
        for interval in INTERVALS:
            rewritten = card.replace(weights={"reprogram_every [s]": interval})
            shared = crossbars(setting, chips, card=rewritten)
            for time in (t for t in TIMES if t > interval):
                yield _task(shared, time, "global", f"global, rewritten every {duration(interval)}")


def _task(shared: dict[str, Any], time: float, compensation: str, upkeep: str) -> Task:
    labels = {"upkeep": upkeep, "time [s]": time}
    return Task(study="drift", labels=labels, shared=shared, own={"time": time, "compensation": compensation})


def _series(points: Sequence[Point]) -> dict[str, list[tuple[float, Point]]]:
    """Points of each kind of upkeep along time: the three compensations first, in their order."""
    kinds = dict.fromkeys([*COMPENSATIONS, *(p.labels["upkeep"] for p in points)])
    found = {k: [(p.labels["time [s]"], p) for p in points if p.labels["upkeep"] == k] for k in kinds}
    return {kind: line for kind, line in found.items() if line}


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Accuracy by time and upkeep; everything measured; what upkeep costs."""
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
    return {
        "accuracy": Table(
            title=f"{draw.MEASURES[main]} by time since programming",
            header=["time", *series],
            rows=rows,
            note=draw.NOTE,
        ),
        "gain": Table(
            title=f"What compensation brings: change of {draw.MEASURES[main]} against none, same chips in pairs",
            header=["time", *(kind for kind in series if kind != "none")],
            rows=gains,
        ),
        "upkeep": _costs(series),
        "points": draw.lines("All points", every),
    }


def _costs(series: dict[str, list[tuple[float, Point]]]) -> Table:
    """Writes and energy that keeping one chip fresh took up to its last time."""
    rows = []
    for kind, line in series.items():
        time, last = line[-1]
        cost = last.values.get("upkeep", {})
        write, read = (cost.get(f"{what} energy [J]", 0.0) for what in ("write", "read"))
        every = (write + read) / max(last.values.get("energy [J]", 0.0), 1e-30)
        rows.append([
            kind, duration(time), digits(cost.get("writes", 0.0)), quantity(write, "J"), quantity(read, "J"),
            digits(every),
        ])  # fmt: skip
    header = [
        "upkeep",
        "up to",
        "device writes [1]",
        "writing",
        "one read for compensation",
        "as many images [1]",
    ]
    note = (
        "For one chip; the last column is how many images the chip could have processed for the same energy."
    )
    return Table(title="What upkeep costs", header=header, rows=rows, note=note)


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Accuracy, cross-entropy and spikes that differ along time, a line for each kind of upkeep."""
    if not points:
        return {}
    main, series = draw.main_column(points), _series(points)
    ticks = {t: duration(t).replace(" second", " s") for t in sorted({p.labels["time [s]"] for p in points})}
    entropy = main.replace("accuracy [1]", "cross-entropy [nat]")
    shown = {"accuracy": [c for c in ("accuracy [1]", "harder accuracy [1]") if c in draw.measured(points)]}
    shown["before-accuracy"] = [entropy, "spike mismatch [1]"]
    return {
        name: draw.curves(
            series, x_label="time since programming", columns=columns, ticks=ticks,
            caption="Along the time since programming, the same chips throughout: means with 95 % intervals "
            "over chips, one line for each way of keeping the chip fresh.",
        )
        for name, columns in shown.items()
    }  # fmt: skip


def findings(points: Sequence[Point]) -> list[str]:
    """One sentence for each time: compensated against uncompensated, whichever way it falls."""
    main, series, said = draw.main_column(points), _series(points), []
    none = dict(series.get("none", []))
    for kind in ("global", "column"):
        for time, point in series.get(kind, []):
            gain = point.against(none[time], main) if time in none else None
            if gain is not None:
                verdict = "better" if gain.low > 0 else "worse" if gain.high < 0 else "no different for sure"
                said.append(
                    f"After {duration(time)} {kind} compensation is {verdict}: "
                    f"{draw.change(gain, main)} points of {draw.MEASURES[main].split(' [')[0]} against none."
                )
    return said
