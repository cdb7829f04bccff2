"""Folds: cross-validation on crossbars. Each fold's network runs on the samples that its training never met.

The networks are MODEL-DATASET-1of5.safetensors and so on in the --data folder, made by
`python -m memsim.models.training.folds MODEL --dataset DATASET --data FOLDER`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean

from matplotlib.figure import Figure

from memsim import models
from memsim.models.known import fold_name
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.intervals import Estimate, over_chips, wilson
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import duration
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "Cross-validation on crossbars"

TIMES = (1.0, 86400.0, 365 * 86400.0)
RECORD, SAMPLES = "digital accuracy [1]", "samples [1]"
NOTE = (
    "Digital: accuracy on the test part of each fold, from the training records; “all” has every sample "
    "once, with Wilson's 95 % interval over samples. On chips: the mean over chips of each fold; “all” is "
    "the mean over folds with Student's t over folds, which covers chips, samples and trainings, although "
    "trainings share most samples."
)


def networks(setting: Setting) -> list[tuple[int, int, Path]]:
    """List (fold, of, file) of a data set's folds; ValueError, with the command, where one is missing."""
    from memsim.models.training.folds import fold_file

    if setting.dataset is None:
        raise ValueError("study folds: name the data set that was divided, --dataset n-mnist for example")
    pattern = fold_file(setting.data, setting.model, setting.dataset, 0, 0).name.replace("0of0", "*of*")
    sizes = {
        int(found[1])
        for path in Path(setting.data).glob(pattern)
        if (found := re.search(r"-\d+of(\d+)$", path.stem))
    }
    of = max(sizes, default=5)
    files = [
        (k, of, fold_file(setting.data, setting.model, setting.dataset, k, of)) for k in range(1, of + 1)
    ]
    missing = [path.name for _, _, path in files if not path.is_file()]
    if missing:
        raise ValueError(
            f"study folds: {', '.join(missing)} not in the folder {setting.data}; train the folds with\n"
            f"  python -m memsim.models.training.folds {setting.model} --dataset {setting.dataset} "
            f"--folds {of} --data {setting.data}"
        )
    return files


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield every fold's network on a block of chips, programmed once for all times."""
    from memsim.studies.evaluation.subject import refuse_foreign

    refuse_foreign(setting, "folds", "its folds are trained by memsim")
    for number, of, path in networks(setting):
        dataset = fold_name(str(setting.dataset), number, of)
        record = models.load(str(path)).record
        labels = {"fold": number, RECORD: record["test_accuracy"], SAMPLES: record["images"]["test"]}
        own = replace(setting, model=str(path), dataset=dataset)
        for chips in blocks(setting.chips):
            shared = crossbars(own, chips)
            for time in TIMES:
                yield Task(
                    study="folds", labels=labels | {"time [s]": time}, shared=shared, own={"time [s]": time}
                )


def by_fold(points: Sequence[Point]) -> dict[int, dict[float, Point]]:
    """Sort points: fold -> time [s] -> point."""
    found: dict[int, dict[float, Point]] = {}
    for point in points:
        found.setdefault(point.labels["fold"], {})[point.labels["time [s]"]] = point
    return dict(sorted(found.items()))


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return the accuracy of each fold and of all, digital and on chips; every point."""
    if not points:
        return {}
    found, main = by_fold(points), draw.main_column(points)
    times = sorted({time for line in found.values() for time in line})
    rows = []
    for fold, line in found.items():
        labels = next(iter(line.values())).labels
        cells = [draw.cell(line[t].estimate(main), main) if t in line else "" for t in times]
        rows.append([str(fold), str(labels[SAMPLES]), f"{100 * labels[RECORD]:.2f}", *cells])
    digital, samples = pooled(points)
    cells = [draw.cell(over_folds(found, t, main), main) for t in times]
    rows.append(["all", str(samples), draw.cell(digital, main), *cells])
    header = ["fold", "test samples", "digital", *(f"after {duration(t)}" for t in times)]
    return {
        "folds": Table(title=f"{draw.heading(main)} by fold", header=header, rows=rows, note=NOTE),
        "points": draw.lines("All points", {draw.named(p): p for p in points}),
    }


def pooled(points: Sequence[Point]) -> tuple[Estimate, int]:
    """Return the digital accuracy of all test parts, with its interval over samples, and their number."""
    labels = [next(iter(line.values())).labels for line in by_fold(points).values()]
    samples = sum(each[SAMPLES] for each in labels)
    right = round(sum(each[SAMPLES] * each[RECORD] for each in labels))
    low, high = wilson(right, samples)
    return Estimate(mean=right / samples, low=low, high=high, chips=1, halving=None, task=None), samples


def over_folds(found: dict[int, dict[float, Point]], time: float, column: str) -> Estimate:
    """Return the mean over folds of their means over chips, with Student's t over folds."""
    return over_chips(
        [mean(line[time].per_chip[column]) for line in found.values() if time in line], share=True
    )


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return the accuracy along time, a line for each fold."""
    if not points:
        return {}
    series = {f"fold {fold}": sorted(line.items()) for fold, line in by_fold(points).items()}
    caption = "Means over the chips of each fold, with 95 % intervals, against the time since programming."
    return draw.along_time(series, points, caption)


def findings(points: Sequence[Point]) -> list[str]:
    """Say the accuracy of all folds, digital and at each time, and what chips cost."""
    if not points:
        return []
    found, main = by_fold(points), draw.main_column(points)
    digital, samples = pooled(points)
    said = [f"Digital accuracy: {draw.cell(digital, main)} % of {samples} samples, each tested once."]
    for time in sorted({time for line in found.values() for time in line}):
        here = {fold: line[time] for fold, line in found.items() if time in line}
        lost = over_chips([mean(p.per_chip[main]) - p.labels[RECORD] for p in here.values()], share=False)
        said.append(
            f"Accuracy {duration(time)} after programming: {draw.cell(over_folds(found, time, main), main)} "
            f"%, {draw.change(lost, main, 'points')} against the digital networks of the same folds."
        )
    return said
