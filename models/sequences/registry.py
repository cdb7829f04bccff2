"""Registry of tasks: each task is one file in `models/sequences/tasks` with a class decorated by
``@task``.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from memsim.devices.by_name import ByName
from memsim.models.sequences.task import Task

TASKS: ByName[type[Task]] = ByName("task", "memsim.models.sequences.tasks")
T = TypeVar("T", bound=type[Task])

names = TASKS.names


def task(kind: T) -> T:
    """Register a task class under its ``name``.  Raises ValueError if the name is already in use."""
    TASKS.add(kind.name, kind)
    return kind


def build(name: str, **settings: Any) -> Task:
    """Create the task `name` with these settings.  Raises ValueError for an unknown name or setting."""
    kind = TASKS.find(name)
    known = [field.name for field in fields(kind)]
    wrong = sorted(set(settings) - set(known))
    if wrong:
        raise ValueError(f"{name} has no setting {wrong[0]!r}; it has {', '.join(known)}")
    return kind(**settings)
