"""Kinds: networks that differ only in their attention, with several training seeds, on crossbars over time.

Dot products run digitally, and are written into arrays in Hebbian and in score order.

Seed 0 is the bundled networks. Checkpoints of further seeds are used if they are in the --data folder as
NAME-1.safetensors, NAME-2.safetensors and so on, where NAME is that of the bundled network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import get_args

from matplotlib.figure import Figure

import memsim
from memsim import models
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.intervals import Estimate, over_chips
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import duration
from memsim.studies.reports.sweep_table import COSTS, WRITES, costs
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "Kinds of attention, trained in the same way"

TIMES = (1.0, 86400.0, 365 * 86400.0)
WHOLE = "as bundled"  #: the network itself, if its relatives were trained with a shorter recipe
RECORD = "digital accuracy, all test images [1]"
NOTE = (
    "Digital: all test images, from the training records. Crossbars: the study's images, each seed's mean "
    "over chips. Brackets hold 95 % intervals, Student's t over training seeds; with one seed there are none "
    "in the digital column, and those over chips in the others. A change is taken seed by seed."
)


def networks(setting: Setting) -> Iterator[tuple[str, int, str]]:
    """Yield (kind, seed, name or file) of the network and its relatives, all kinds of a seed together.

    Relatives are networks trained in the same way with other attention. Raises ValueError if none is bundled.
    """
    from memsim.models.parts.relatives import Kind
    from memsim.models.registry import relative

    bundled = {}
    for kind in get_args(Kind):
        with suppress(ValueError):  # not bundled
            bundled[kind] = relative(setting.model, kind)
    if len(bundled) < 2:
        raise ValueError(f"study kinds: no networks trained like {setting.model!r} are bundled")
    if setting.model.lower() not in bundled.values():
        yield WHOLE, 0, setting.model
    yield from ((kind, 0, name) for kind, name in bundled.items())
    files = [
        (seed, kind, Path(setting.data) / f"{name}-{seed}.safetensors")
        for kind, name in bundled.items()
        for seed in range(1, 100)
    ]
    yield from ((kind, seed, str(path)) for seed, kind, path in sorted(files) if path.is_file())


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield tasks for every network on each block of chips, which is programmed once for all times.

    Raises what `networks` raises, and ValueError for a network of the user.
    """
    from memsim.studies.evaluation.subject import refuse_foreign

    refuse_foreign(setting, "kinds", "it compares bundled networks that were trained in the same way")
    found = [(*one, float(models.load(one[2]).record["test_accuracy"])) for one in networks(setting)]
    card = memsim.ChipCard.parse(dict(setting.card))
    for chips in blocks(setting.chips):
        for kind, seed, name, record in found:
            for attention, executed in written(kind, card):
                shared = crossbars(replace(setting, model=name), chips, card=executed)
                for time in TIMES:
                    labels = {"attention": attention, "seed": seed, "time [s]": time, RECORD: record}
                    yield Task(study="kinds", labels=labels, shared=shared, own={"time [s]": time})


def written(kind: str, card: memsim.ChipCard) -> Iterator[tuple[str, memsim.ChipCard]]:
    """Yield (label, card) for each execution of a kind of attention.

    Dot products are computed digitally and on arrays in both orders of writing; other kinds have one
    execution.
    """
    digital = card.replace(attention={"order": "digital"})
    yield kind, digital
    if kind == "dot":
        for order in ("hebbian", "score"):
            yield f"dot ({order} order)", digital.replace(attention={"order": order})


def by_kind(points: Sequence[Point]) -> dict[str, dict[float, dict[int, Point]]]:
    """Return points by kind of attention, then time [s], then training seed."""
    found: dict[str, dict[float, dict[int, Point]]] = {}
    for point in points:
        at = found.setdefault(point.labels["attention"], {})
        at.setdefault(point.labels["time [s]"], {})[point.labels["seed"]] = point
    return found


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return tables of accuracy by kind and time, of changes against STDP attention, of costs, and of all
    points.
    """
    if not points:
        return {}
    found, main = by_kind(points), draw.main_column(points)
    times = sorted({time for line in found.values() for time in line})
    stdp, rows, changes = found.get("stdp", {}), [], []
    for kind, line in found.items():
        records, ours = _records(line), _records(stdp)
        cells = [_over_seeds(line[t], main) if t in line else "" for t in times]
        rows.append([kind, str(len(records)), _said(list(records.values()), main), *cells])
        if stdp and kind not in ("stdp", WHOLE):
            gaps = [record - ours[seed] for seed, record in records.items() if seed in ours]
            digital = draw.change(over_chips(gaps, share=False) if gaps else None, main)
            cells = [draw.change(_gap(line.get(t, {}), stdp.get(t, {}), main)[0], main) for t in times]
            changes.append([kind, digital, *cells])
    header = ["digital", *(f"after {duration(t)}" for t in times)]
    out = {
        "kinds": Table(
            title=f"{draw.heading(main)} with each kind of attention",
            header=["attention", "seeds", *header],
            rows=rows,
            note=NOTE,
        )
    }
    if changes:
        out["against-stdp"] = Table(
            title=f"Change of {draw.said(main)} against STDP attention [points]",
            header=["attention", *header],
            rows=changes,
            note=NOTE,
        )
    out |= {"costs": _costs(found)}
    return out | {"points": draw.lines("All points", {draw.named(p): p for p in points})}


def _costs(found: dict[str, dict[float, dict[int, Point]]]) -> Table:
    """Return a table of the cost of an image for each kind, at its first time, averaged over seeds."""
    totals = []
    for line in found.values():
        seeds = list(line[min(line)].values())
        keys = (*COSTS, WRITES, "area [m2]")
        means = {key: [p.total[key] for p in seeds if p.total.get(key) is not None] for key in keys}
        totals.append({key: fmean(values) for key, values in means.items() if values})
    columns = {"attention": list(found), **costs(totals, writes=True)}
    return Table(
        title="Cost of an image with each kind of attention",
        header=list(columns),
        rows=[list(cells) for cells in zip(*columns.values(), strict=True)],
        note="At the first time after programming, the mean over training seeds. STDP attention is written "
        "with pulses; other kinds are digital unless an order of writing is named.",
    )


def _over_seeds(seeds: dict[int, Point], column: str) -> str:
    """Return a mean over seeds with its interval, as text; for a single seed, over chips."""
    if len(seeds) == 1:
        return draw.cell(next(iter(seeds.values())).estimate(column), column)
    return _said([p.estimate(column).mean for p in seeds.values()], column)


def _said(values: list[float], column: str) -> str:
    """Return a mean over seeds with its interval, as text; a single seed has no interval."""
    return draw.cell(over_chips(values, share=len(values) > 1), column)


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return figures of accuracy, cross-entropy and spike differences against time, for the first seed."""
    if not points:
        return {}
    series = {
        kind: [(time, line[time][min(line[time])]) for time in sorted(line)]
        for kind, line in by_kind(points).items()
    }
    caption = (
        "Means over chips with 95 % intervals against the time since programming, with the same chips at all "
        "times, and one line for each kind of attention with its first training seed."
    )
    return draw.along_time(series, points, caption)


def findings(points: Sequence[Point]) -> list[str]:
    """Return sentences that compare each kind with STDP attention, digitally and at each time on chips."""
    if not points:
        return []
    found, main, said = by_kind(points), draw.main_column(points), []
    stdp = found.get("stdp", {})
    for kind, line in found.items():
        if kind in ("stdp", WHOLE):
            continue
        records = _records(stdp)
        gaps = [record - records[seed] for seed, record in _records(line).items() if seed in records]
        if len(gaps) > 1:
            said.append(_sentence("Digitally", kind, over_chips(gaps, share=False), len(gaps), main))
        for time in sorted(line.keys() & stdp.keys()):
            gap, seeds = _gap(line[time], stdp[time], main)
            if gap is not None:
                said.append(_sentence(f"At {duration(time)} after programming", kind, gap, seeds, main))
    return said


def _records(line: dict[float, dict[int, Point]]) -> dict[int, float]:
    """Return the digital accuracy on all test images, by training seed."""
    return {seed: p.labels[RECORD] for at in line.values() for seed, p in at.items()}


def _gap(ours: dict[int, Point], stdp: dict[int, Point], column: str) -> tuple[Estimate | None, int]:
    """Return the difference to STDP attention with the number of seeds; for one seed, over chips."""
    both = [(ours[seed], stdp[seed]) for seed in ours if seed in stdp]
    if len(both) == 1:
        return both[0][0].against(both[0][1], column), 1
    gaps = [a.estimate(column).mean - b.estimate(column).mean for a, b in both]
    return (over_chips(gaps, share=False) if gaps else None), len(both)


def _sentence(where: str, kind: str, gap: Estimate, seeds: int, column: str) -> str:
    over = f"over {seeds} training seeds" if seeds > 1 else "over chips, with one training seed"
    sign, _ = gap.sure
    verdict = ("not significantly different from", "better than", "worse than")[sign]
    return (
        f"{where}, {kind} attention is {verdict} STDP attention: {draw.change(gap, column, 'points')} {over}."
    )
