"""A study: one file that defines its tasks, how each is measured, and the tables and figures of its rows.

A study file defines

    title: str                                     the headline of the report
    tasks(setting) -> Iterator[Task]               a generator of tasks; the same tasks each time
    prepare(shared, data) -> Any                   the objects that tasks with equal ``shared`` use
    measure(prepared, own) -> Result               of one task: per_chip, total, series; JSON without NaN
    tables(points) -> dict[str, Table]             the table that answers the question first
    figures(points) -> dict[str, Figure]           like tables a pure function of the points
    findings(points) -> list[str]                  sentences for the report (optional)
    methods(setting) -> str                        a paragraph on the methods (optional)

A study without ``prepare`` or ``measure`` uses those of ``memsim.studies.evaluation.crossbars``, and one
without ``tables`` or ``figures`` those of ``memsim.studies.reports.draw``. Built-in studies are in
``studies/library``; a user's own study is a .py file, or a .toml sweep over card fields
(``memsim.studies.running.sweep``).
"""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, final

import memsim
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.setting import Setting
from memsim.studies.running import sweep
from memsim.studies.running.task import Task

__all__ = ["LIBRARY", "Setting", "Study", "load", "names"]

LIBRARY = Path(__file__).resolve().parents[1] / "library"


@final
@dataclass(frozen=True, kw_only=True)
class Study:
    """A study's name and source text: all another process, or another machine, needs to run its tasks."""

    name: str
    path: str
    source: str

    @cached_property
    def module(self) -> types.ModuleType:
        """The study's file, executed; TOML sweeps become their tasks."""
        module = types.ModuleType(f"study_{self.name}")
        module.__file__ = self.path
        if self.path.endswith(".toml"):
            sweep.fill(module, self.source, self.path)
        else:
            sys.modules[module.__name__] = module  # a dataclass looks there for its types
            exec(compile(self.source, self.path, "exec", dont_inherit=True), module.__dict__)
        for name in ("title", "tasks"):
            if not hasattr(module, name):
                raise ValueError(f"study {self.path} defines no {name}; see studies/running/study.py")
        return module

    def tasks(self, setting: Setting) -> Iterator[Task]:
        """Return every task, each time anew and in the same order."""
        return self.module.tasks(setting)

    def check(self, card: memsim.ChipCard) -> None:
        """Raise ValueError, by name, for a sweep over what the card does not have; torch is not needed."""
        if self.path.endswith(".toml"):
            self.module.__dict__["check"](card)

    @property
    def fields(self) -> tuple[str, ...]:
        """The card's fields that a sweep varies or fixes; none of a study in Python."""
        return tuple(self.module.__dict__["fields"]) if self.path.endswith(".toml") else ()

    @property
    def standard(self) -> bool:
        """Whether its tasks are prepared and measured as a comparison is, not in a way of its own."""
        return not {"prepare", "measure"} & self.module.__dict__.keys()

    @property
    def prepare(self) -> Callable[..., Any]:
        """prepare(shared, data): what tasks of one ``shared`` use; data: folder of the data sets."""
        return self._own_or_standard("prepare")

    @property
    def measure(self) -> Callable[..., Result]:
        """measure(prepared, own): the result of a task."""
        return self._own_or_standard("measure")

    def _own_or_standard(self, name: str) -> Any:
        """Return what the file defines, else the standard one; its imports are heavy, so only then."""
        own = getattr(self.module, name, None)
        if own is None:
            from memsim.studies.evaluation import crossbars

            return getattr(crossbars, name)
        return own


def names() -> list[str]:
    """Return the built-in studies."""
    return sorted(path.stem for path in LIBRARY.glob("*.py") if path.stem != "__init__")


def load(name: str | Path) -> Study:
    """Return a built-in study by name, or a user's by its .py or .toml file; ValueError says what is
    wrong.
    """
    path = Path(name)
    if path.suffix not in (".py", ".toml"):
        path = LIBRARY / f"{name}.py"
        if str(name) not in names():
            near = get_close_matches(str(name), names(), 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            known = ", ".join(names())
            raise ValueError(f"no study {str(name)!r}{hint} (known: {known}; files end in .py or .toml)")
    try:
        source = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"study {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"study {path} is no UTF-8 text: {error.reason} at byte {error.start}") from None
    if path.suffix == ".py":
        try:
            ast.parse(source, str(path))
        except SyntaxError as error:
            raise ValueError(f"study {path}, line {error.lineno}: {error.msg}") from None
        except ValueError as error:  # a null byte
            raise ValueError(f"study {path}: {error}") from None
    return Study(name=path.stem, path=str(path), source=source)
