"""What `memsim study` does with its options: check them before any work, measure, and show what came out."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from memsim.studies.commands.terminal import say
from memsim.studies.evaluation.points import points
from memsim.studies.evaluation.setting import Setting
from memsim.studies.evaluation.subject import Subject
from memsim.studies.evaluation.test_data import test_data
from memsim.studies.reports.dossier import tables_of, write
from memsim.studies.reports.table import Table
from memsim.studies.running import rows
from memsim.studies.running.rows import to_stderr
from memsim.studies.running.runner import Advance, Outcome, collect, tasks_of
from memsim.studies.running.seats import cores
from memsim.studies.running.study import Study


def measure(
    study: Study,
    setting: Setting,
    folder: Path,
    workers: int | None,
    cluster: str | None,
    data: str,
    advance: Advance,
    limit: float | None,
) -> Outcome:
    """Collect a study's rows; a network or data set that cannot be loaded is refused before, once."""
    name = Subject.of(setting).on(setting.dataset)
    if cluster is None:
        test_data(name, images=setting.images, folder=data)
    workers = workers or cores()
    at = {"workers": workers, "cluster": cluster, "limit": limit}
    return collect(study, setting, folder, **at, data=data, advance=advance)


def show(study: Study, setting: Setting, outcome: Outcome, *, report: bool, as_json: bool) -> None:
    """Write the report, print the executive table or one JSON line for each task, list what failed."""
    path = write(outcome.folder, trust=True) if report else None  # the user has just run this study
    ids = {task.id for task in tasks_of(study, setting)}
    if as_json:
        for row in rows.read(outcome.folder):
            if row["id"] in ids:
                print(json.dumps(row))
    else:
        tables = tables_of(study, points(rows.read(outcome.folder)))
        if tables:
            Console().print(grid(next(iter(tables.values()))))
    if path is not None:
        say(f"report: {path}", quiet=as_json)
    if outcome.failed:
        to_stderr(failures(outcome))


def failures(outcome: Outcome) -> str:
    """How many tasks failed, the first of them, and where to look."""
    total = outcome.done + outcome.skipped + outcome.failed
    failed = (row for row in rows.read(outcome.folder) if "failure" in row)
    first = next(failed, None)
    example = "" if first is None else f", such as {dict(first['labels'])}: {first['failure']['error']}"
    return (
        f"{outcome.failed} of {total} tasks failed{example}; the tracebacks are in "
        f"{outcome.folder / rows.FILE}; the same command tries these tasks again"
    )


def grid(table: Table) -> Grid:
    """A report's table on the terminal."""
    out = Grid(title=Text(table.title), caption=Text(table.note), box=None)
    for name in table.header:
        out.add_column(Text(name))
    for cells in table.rows:
        out.add_row(*map(Text, cells))
    return out
