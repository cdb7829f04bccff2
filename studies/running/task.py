"""A task: one point of a study on one block of chips, a value that is named by everything in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

from memsim.studies.evaluation.identity import digest


@final
@dataclass(frozen=True, kw_only=True)
class Task:
    """What one row of a study measures; every field is JSON.

    Tasks with equal ``shared`` can use one another's work (a chip programmed once serves all its times): the
    runner keeps what ``prepare(shared)`` gave and calls ``measure(prepared, own)`` for each of them.
    ``labels`` say where the task stands on the study's axes, for tables and figures; tasks with equal labels
    are the same point on other chips and add up.
    """

    study: str
    labels: Mapping[str, Any]
    shared: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """The hash of all fields: two tasks that differ in anything differ in it."""
        return digest({name: getattr(self, name) for name in ("study", "labels", "shared", "own")})

    @cached_property
    def share(self) -> str:
        """The hash of what tasks can share."""
        return digest(dict(self.shared))


def blocks(chips: int, size: int = 4) -> Iterator[list[int]]:
    """Yield names of chips in blocks of fixed places, so that more chips add tasks and change no whole block:
    10 -> [0..3], [4..7], [8, 9].
    """
    for start in range(0, chips, size):
        yield list(range(start, min(start + size, chips)))
