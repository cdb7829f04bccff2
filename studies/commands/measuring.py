"""`memsim study` after its options are parsed: checks, the measurement, and its results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.text import Text

import memsim
from memsim.studies.commands import options as options_module
from memsim.studies.commands import unfit
from memsim.studies.commands.terminal import say
from memsim.studies.evaluation.digital import probe
from memsim.studies.evaluation.points import points
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.evaluation.subject import Subject
from memsim.studies.evaluation.test_data import test_data
from memsim.studies.reports.dossier import tables_of, write
from memsim.studies.reports.grid import ScreenTable
from memsim.studies.reports.row_cautions import row_cautions
from memsim.studies.running import rows
from memsim.studies.running.rows import to_stderr
from memsim.studies.running.runner import Advance, Outcome, collect, tasks_of
from memsim.studies.running.seats import cores
from memsim.studies.running.study import LIBRARY, Study

SETTINGS = ("card", "weights", "attention", "without", "only", "images", "dataset", "time", "seed")
"""Options that a study may not use: one that brings its own networks, times or cards."""

WRITTEN = ("attention.", "attention_faults.", "wear.")
"""How fields of a card begin that act on written attention alone."""

ORDER = "attention.order"
"""The field that puts dot-product attention on arrays."""

CARDS = ("card", "weights", "attention", "without", "only")
"""Those of them that change the card."""


def refuse_ignored(study: Study, setting: Setting, options: Sequence[str]) -> None:
    """Raise ValueError for options that change no task of a built-in study.

    options: as given, such as "--time".  A user's own study may use a setting beyond its tasks.
    """
    if not options or LIBRARY not in Path(study.path).resolve().parents:
        return
    tasks, usual = {task.id for task in tasks_of(study, setting)}, Setting()
    default = {"card": dump(memsim.ChipCard.load("default")), "time": usual.time, "seed": usual.seed}
    ignored = []
    for option in options:
        name = option.removeprefix("--")
        field = "card" if name in CARDS else name
        other = replace(setting, **{field: default.get(field)})
        if other != setting and _ids(study, other) == tasks:
            ignored.append(option)
    options_module.refuse_ignored(ignored, f"no task of study {study.name} depends on what it sets")


def refuse_unread_folder(study: Study, setting: Setting) -> None:
    """Raise ValueError for --data where no task of a study reads the folder.

    A study that prepares or measures in a way of its own may read other files in it.
    """
    if not _unchanged(study, setting) or _ids(study, replace(setting, data="")) != _ids(study, setting):
        return
    sets = [task.shared.get("dataset") for task in tasks_of(study, setting)]
    options_module.refuse_unread_folder(*(one["name"] if isinstance(one, Mapping) else None for one in sets))


def _ids(study: Study, setting: Setting) -> set[str] | None:
    """Return the names of a study's tasks; None where the setting makes none, a network's file without its
    data.
    """
    try:
        return {task.id for task in tasks_of(study, setting)}
    except ValueError:
        return None


def refuse_unwritten(study: Study, setting: Setting, card: memsim.ChipCard, options: Sequence[str]) -> None:
    """Raise ValueError for options, and fields of a sweep, of written attention that the network has not.

    A study that changes networks, brings its own, or measures in a way of its own, may use them; so may one
    that puts dot products on arrays in any of its tasks.
    """
    options = [*options, *(name for name in study.fields if name.startswith(WRITTEN) and name != ORDER)]
    if not options or not _unchanged(study, setting):
        return
    cards = [card, *(task.shared.get("card") for task in tasks_of(study, setting))]
    orders = {one.attention.order if isinstance(one, memsim.ChipCard) else _order(one) for one in cards}
    unfit.refuse_unwritten(options, orders, [Subject.of(setting)])


def _order(card: Any) -> str:
    """Return the order in which a task's card has dot products on arrays; "digital" for a task without a
    card.
    """
    section = card.get("attention", {}) if isinstance(card, Mapping) else {}
    return str(section.get("order", "digital"))


def _unchanged(study: Study, setting: Setting) -> bool:
    """Return whether every task runs the setting's network as it is, as a comparison would."""
    return study.standard and all(
        runs_unchanged(task.shared.get("network"), setting.title) for task in tasks_of(study, setting)
    )


def runs_unchanged(network: Any, title: str) -> bool:
    """Return whether what a task says of its network is that it runs the one of this title as it is."""
    return isinstance(network, Mapping) and network.get("model") == title and not network.get("change")


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
    if next(tasks_of(study, setting), None) is None:
        raise ValueError(f"study {study.path}: tasks() gave no task in this setting")
    subject = Subject.of(setting)
    name = subject.on(setting.dataset)
    if cluster is None:
        there = test_data(name, images=setting.images, folder=data)
        if _unchanged(study, setting):
            probe(subject.net, there, torch.float32)
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
        mine = [row for row in rows.read(outcome.folder) if row["id"] in ids]
        tables = tables_of(study, points(rows.read(outcome.folder)))
        if tables:
            Console().print(ScreenTable(next(iter(tables.values()))))
        for words in row_cautions(mine):
            Console().print(Text(words))
    if path is not None:
        say(f"report: {path}", quiet=as_json)
    if outcome.failed:
        to_stderr(failures(outcome))


def failures(outcome: Outcome) -> str:
    """Return how many tasks failed, the first of them, and where to look."""
    total = outcome.done + outcome.skipped + outcome.failed
    failed = (row for row in rows.read(outcome.folder) if "failure" in row)
    first = next(failed, None)
    example = "" if first is None else f", such as {dict(first['labels'])}: {first['failure']['error']}"
    return (
        f"{outcome.failed} of {total} tasks failed{example}; the tracebacks are in "
        f"{outcome.folder / rows.FILE}; the same command tries these tasks again"
    )
