"""Tasks by name: a task is one file of `models/sequences/tasks` whose class says ``@task``."""

from __future__ import annotations

import pkgutil
from dataclasses import fields
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from memsim.models.sequences.task import Task

_KNOWN: dict[str, type[Task]] = {}
T = TypeVar("T", bound=type[Task])


def task(kind: T) -> T:
    """Register a class of tasks under its ``name``.  Raises ValueError for a name that is taken."""
    if _KNOWN.setdefault(kind.name, kind) is not kind:
        raise ValueError(f"a task {kind.name!r} is registered already")
    return kind


@cache
def _load() -> None:
    """Import the files of all tasks."""
    for file in pkgutil.iter_modules([str(Path(__file__).with_name("tasks"))]):
        import_module(f"memsim.models.sequences.tasks.{file.name}")


def names() -> list[str]:
    """List the tasks."""
    _load()
    return sorted(_KNOWN)


def build(name: str, **settings: Any) -> Task:
    """Build a task with its settings.  Raises ValueError for an unknown name or setting."""
    if name not in names():
        near = get_close_matches(name, names(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"task = {name!r} is none (one of {', '.join(names())}){hint}")
    kind = _KNOWN[name]
    known = [field.name for field in fields(kind)]
    wrong = sorted(set(settings) - set(known))
    if wrong:
        raise ValueError(f"{name} has no setting {wrong[0]!r}; it has {', '.join(known)}")
    return kind(**settings)
