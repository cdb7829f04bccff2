"""Kinds: networks trained alike but for their attention, with several training seeds, on crossbars over time.

Seed 0 are the bundled relatives of the network. Checkpoints of further seeds are taken where they lie in the
--data folder as NAME-1.safetensors, NAME-2.safetensors and so on, NAME being the bundled relative's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import get_args

from memsim import models
from memsim.models.parts.relatives import Kind
from memsim.models.registry import relative
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.intervals import over_chips
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting
from memsim.studies.evaluation.subject import refuse_foreign
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import duration
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "Kinds of attention, trained alike"

TIMES = (1.0, 86400.0, 365 * 86400.0)
WHOLE = "as bundled"  #: the network itself, where its relatives were trained on a shorter recipe
RECORD = "digital accuracy, all test images [1]"
NOTE = (
    "Digital: all test images, from the training records. Crossbars: the study's images, each seed's mean "
    "over chips. Brackets hold 95 % intervals, Student's t over training seeds; with one seed there are none "
    "in the digital column, and those over chips in the others. A change is taken seed by seed."
)


def networks(setting: Setting) -> Iterator[tuple[str, int, str]]:
    """Yield (kind, seed, name or file) of the network and its relatives, all kinds of a seed together.

    ValueError where no relative is bundled.
    """
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
    """Every network on a block of chips, programmed once for all times, then on the next block."""
    refuse_foreign(
        setting, "kinds", "it compares networks that were trained alike, and those are memsim's own"
    )
    found = [(*one, float(models.load(one[2]).record["test_accuracy"])) for one in networks(setting)]
    for chips in blocks(setting.chips):
        for kind, seed, name, record in found:
            shared = crossbars(replace(setting, model=name), chips)
            for time in TIMES:
                labels = {"attention": kind, "seed": seed, "time [s]": time, RECORD: record}
                yield Task(study="kinds", labels=labels, shared=shared, own={"time [s]": time})


def by_kind(points: Sequence[Point]) -> dict[str, dict[float, dict[int, Point]]]:
    """Sort points: kind of attention -> time [s] -> training seed -> point."""
    found: dict[str, dict[float, dict[int, Point]]] = {}
    for point in points:
        at = found.setdefault(point.labels["attention"], {})
        at.setdefault(point.labels["time [s]"], {})[point.labels["seed"]] = point
    return found


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Accuracy by kind and time; the change against STDP attention; every point."""
    if not points:
        return {}
    found, main = by_kind(points), draw.main_column(points)
    times = sorted({time for line in found.values() for time in line})
    stdp = found.get("stdp", {})
    rows, changes = [], []
    for kind, line in found.items():
        digital = {seed: p.labels[RECORD] for at in line.values() for seed, p in at.items()}
        cells = [_over_seeds(line[t], main) if t in line else "" for t in times]
        rows.append([kind, str(len(digital)), _said(list(digital.values()), main), *cells])
        if stdp and kind not in ("stdp", WHOLE):
            ours = {seed: p.labels[RECORD] for at in stdp.values() for seed, p in at.items()}
            gaps = [digital[seed] - ours[seed] for seed in digital if seed in ours]
            cells = [_change(_gaps(line.get(t, {}), stdp.get(t, {}), main), main) for t in times]
            changes.append([kind, _change(gaps, main), *cells])
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
    return out | {"points": draw.lines("All points", {draw.named(p): p for p in points})}


def _over_seeds(seeds: dict[int, Point], column: str) -> str:
    """A mean over seeds with its interval; over the chips of the only one."""
    if len(seeds) == 1:
        return draw.cell(next(iter(seeds.values())).estimate(column), column)
    return _said([p.estimate(column).mean for p in seeds.values()], column)


def _said(values: list[float], column: str) -> str:
    return draw.cell(over_chips(values, share=True), column)


def _gaps(ours: dict[int, Point], stdp: dict[int, Point], column: str) -> list[float]:
    """Differences to the STDP network of the same seed."""
    return [
        p.estimate(column).mean - stdp[seed].estimate(column).mean for seed, p in ours.items() if seed in stdp
    ]


def _change(gaps: list[float], column: str) -> str:
    return draw.change(over_chips(gaps, share=False) if gaps else None, column)


def findings(points: Sequence[Point]) -> list[str]:
    """Say for each rival whether it is better than STDP attention, digitally, over training seeds."""
    found, said = by_kind(points), []
    main = draw.main_column(points) if points else ""
    records = {
        kind: {seed: p.labels[RECORD] for at in line.values() for seed, p in at.items()}
        for kind, line in found.items()
    }
    for kind, ours in records.items():
        gaps = [ours[seed] - records["stdp"][seed] for seed in ours if seed in records.get("stdp", {})]
        if kind in ("stdp", WHOLE) or len(gaps) < 2:
            continue
        gap = over_chips(gaps, share=False)
        verdict = "better than" if gap.low > 0 else "worse than" if gap.high < 0 else "not surely apart from"
        said.append(
            f"Digitally, {kind} attention is {verdict} STDP attention, by {draw.change(gap, main, 'points')} "
            f"over {len(gaps)} training seeds."
        )
    return said
