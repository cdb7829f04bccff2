"""Studies of tiny tasks in a user's own file; run as a script, what the runner costs for each task.

python -m tests.studies.tiny [TASKS [WORKERS]]
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from memsim.studies.evaluation.setting import Setting
from memsim.studies.running import rows
from memsim.studies.running.runner import Outcome, collect
from memsim.studies.running.study import Study, load

STUDY = '''
"""{count} tasks, {group} to a group, that do next to nothing."""

import math, os, sys, time
from pathlib import Path

from memsim.studies.evaluation.result import Result
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task

title = "Tiny"
HERE = Path({folder!r})


def tasks(setting):
    for n in range({count}):
        yield Task(study="tiny", labels={{"n": n}}, shared={shared}, own={{"n": n, "chips": setting.chips}})


def prepare(shared, data):
    {prepare}
    return dict(shared)


def measure(prepared, own):
    n = own["n"]
    {measure}
    return Result(total={{"x": math.sin(n) / 3, "square": n * n, "name": "µ"}})


def tables(points):
    cells = [["1", "[0.1, 0.2]"]]
    return {{"all": Table(title="Tiny things", header=["n", "x [J]"], rows=cells, note="A note.")}}


def figures(points):
    return {{}}
'''


def study(folder: Path, count: int = 6, *, group: int = 3, prepare: str = "", measure: str = "") -> Study:
    """A study of `count` tasks, `group` of which share something (0: none); code for its functions."""
    shared = f'{{"group": n // {group}}}' if group else "{}"
    text = STUDY.format(
        count=count, group=group, folder=str(folder), shared=shared, prepare=prepare, measure=measure
    )
    path = folder / "tiny.py"
    path.write_text(text, encoding="utf-8")
    return load(path)


def run(study: Study, folder: Path, **options) -> Outcome:
    """Collect it with a setting without a card."""
    return collect(study, Setting(chips=options.pop("chips", 1)), folder, **options)


def bare(folder: Path) -> list[str]:
    """The rows of a folder as text without wall time, sorted."""
    found = [{k: v for k, v in row.items() if k != "wall_time [s]"} for row in rows.read(folder)]
    return sorted(json.dumps(row, sort_keys=True) for row in found)


def overhead(count: int = 10_000, workers: int = 2) -> dict[str, float]:
    """Time for each tiny task from the start of `collect` to its end, and the most memory its parent took."""
    with tempfile.TemporaryDirectory() as name:
        tiny = study(Path(name), count, group=0)
        start = time.perf_counter()
        outcome = run(tiny, Path(name) / "out", workers=workers)
        wall = time.perf_counter() - start
        assert outcome.done == count
    parent, workers_too = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    processor = sum(usage.ru_utime + usage.ru_stime for usage in (parent, workers_too))
    return {
        "tasks": count,
        "workers": workers,
        "time for a task [s]": wall / count,
        "processor time for a task, all processes [s]": processor / count,
        "peak memory of the parent [B]": parent.ru_maxrss * 1024,
    }


if __name__ == "__main__":
    print(json.dumps(overhead(*map(int, sys.argv[1:]))))
