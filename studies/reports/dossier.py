"""The report of a study, drawn from its rows alone: a page, figures, tables, every number, references.

A study gives ``title``, ``tables(points)`` (the executive one first) and ``figures(points)``, whose labels
are captions; it may give ``findings(points)``, a list of sentences, and ``methods(setting)``, a paragraph.
Sentences, captions, notes and cells may cite: ``[@joshi2020]``, a key of references.bib.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from traceback import extract_tb
from typing import Any, final

import memsim
from memsim.studies.evaluation.points import Point, chips_of, points
from memsim.studies.evaluation.result import flat, is_number
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw, report_folder, sweep_table
from memsim.studies.reports.chip_sections import every_number, own
from memsim.studies.reports.methods import methods
from memsim.studies.reports.page import (
    Box,
    Bullets,
    Code,
    Page,
    Part,
    Picture,
    Pictures,
    References,
    Section,
    Words,
    slug,
)
from memsim.studies.reports.quantities import duration
from memsim.studies.reports.report_folder import Files, csv_of, listed, pages
from memsim.studies.reports.row_cautions import row_cautions
from memsim.studies.reports.table import Table
from memsim.studies.running import provenance
from memsim.studies.running.rows import FILE, read, to_stderr
from memsim.studies.running.source import mixed, source_of
from memsim.studies.running.study import Study, load, names

LONGEST = 255  #: characters of a study's name or file
ALWAYS = ("mondal2025", "rasch2021")
"""What every study rests on: the network and the device models."""

Row = Mapping[str, Any]


@final
@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What a folder of results holds: which study ran in which setting, and its rows."""

    folder: Path
    study: Study
    setting: Setting
    rows: Sequence[Row]
    tasks: Collection[str] = ()  #: names of all tasks; () where the run did not record them

    @cached_property
    def points(self) -> list[Point]:
        """All that was measured."""
        return points(self.rows)

    @cached_property
    def tables(self) -> dict[str, Table]:
        """The study's tables, the executive one first."""
        with self._reading("tables"):
            return {slug(name): table for name, table in tables_of(self.study, self.points).items()}

    @cached_property
    def figures(self) -> list[Picture]:
        """The study's figures."""
        with self._reading("figures"):
            drawn = getattr(self.study.module, "figures", draw.figures)(self.points)
            return [Picture(name=slug(name), figure=figure) for name, figure in drawn.items()]

    @property
    def findings(self) -> list[str]:
        """What the study says about its points."""
        with self._reading("findings"):
            return list(getattr(self.study.module, "findings", lambda points: [])(self.points))

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        """Turn what a study makes of rows that lack something into ValueError naming folder and line."""
        try:
            yield
        except (ValueError, OSError):
            raise
        except Exception as error:
            last = extract_tb(error.__traceback__)[-1]
            raise ValueError(
                f"{self.folder}: study {self.study.name} makes no {what} of its rows"
                f" ({type(error).__name__}: {error!s:.200}; {Path(last.filename).name}, line {last.lineno});"
                " do they lack what it reads? Measure them again in another folder"
            ) from error

    @property
    def card(self) -> memsim.ChipCard:
        """The chip card it ran with."""
        return memsim.ChipCard.parse(dict(self.setting.card), origin=str(self.folder / "study.json"))

    @property
    def failures(self) -> list[Row]:
        """Rows of tasks that failed."""
        return [row for row in self.rows if "failure" in row]

    @property
    def command(self) -> str:
        """The command that measures it again, in its folder."""
        path = Path(self.study.path)
        return provenance.study_command(
            path.name if path.parent == self.folder else self.study.name, self.setting
        )


def tables_of(study: Study, points: list[Point]) -> dict[str, Table]:
    """Return a study's own tables; the standard one where it defines none."""
    return getattr(study.module, "tables", sweep_table.tables)(points)


def of_one_study(folder: Path) -> list[Row]:
    """Return the rows of a folder; those of another study than most are left out with a word."""
    rows = list(read(folder))
    (most, _), *others = Counter(row["study"] for row in rows).most_common() or [("", 0)]
    for name, number in others:
        to_stderr(
            f"{folder / FILE}: {number} rows of study {name!r:.80} are left out: most are of {most!r:.80}"
        )
    return [row for row in rows if row["study"] == most]


def write(folder: str | Path, out: str | Path | None = None, *, trust: bool = False) -> Path:
    """Write the report of a study's folder, into itself or `out`, whole or not at all; returns the page.

    ValueError as `recall`, OSError for a folder that cannot be written.
    """
    recorded = recall(folder, trust=trust)
    return report_folder.write(folder if out is None else out, lambda: files(recorded))


def recall(folder: str | Path, *, trust: bool = False) -> Recorded:
    """Read what a folder holds, without running code from it unless it is trusted.

    ValueError says what is missing or damaged, and for a study file that would have to be run.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    try:
        about = json.loads((folder / "study.json").read_text("utf-8"))
        if not isinstance(about, dict) or not isinstance(about.get("study"), str):
            raise ValueError("it says nothing about a study")
        if not 0 < len(about["study"]) <= LONGEST or "\0" in about["study"]:
            raise ValueError(f"study = {about['study']!r:.60}: the name of a study or its file is needed")
        name, setting = about["study"], Setting(**about["setting"])
        tasks = about.get("tasks", [])
        if not isinstance(tasks, list) or not all(isinstance(task, str) for task in tasks):
            raise ValueError("tasks: a list of names is needed")
    except FileNotFoundError:
        raise ValueError(f"{folder} holds no study: it has no study.json") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{folder / 'study.json'} is damaged ({error!s:.300}); run the study again"
        ) from None
    study = study_of(folder, name, trust)
    rows = of_one_study(folder) if (folder / FILE).exists() else []
    if not rows:
        raise ValueError(f"{folder} holds no rows that can be read; measure them with memsim study")
    return Recorded(folder=folder, study=study, setting=setting, rows=rows, tasks=tasks)


def study_of(folder: Path, name: str, trust: bool) -> Study:
    """Return the study that made a folder: the built-in one, a sweep, or, if trusted, the file in the folder.

    ValueError where the folder holds a study file that is not the built-in one and is not trusted, and where
    neither it nor memsim has a study of that name.
    """
    sweep, own = folder / f"{Path(name).name}.toml", folder / f"{Path(name).name}.py"
    if sweep.is_file():
        return load(sweep)
    built_in = load(name) if name in names() else None
    if own.is_file() and (built_in is None or own.read_bytes() != built_in.source.encode()):
        if not trust:
            whose = "another version's" if built_in else "a user's"
            raise ValueError(f"{own} is {whose} study, and reading its rows would run it; --trust does so")
        return load(own)
    if built_in is None:
        raise ValueError(f"{folder}: its study {name!r} is neither built in nor lies in the folder")
    return built_in


def files(recorded: Recorded) -> Files:
    """Return everything a report consists of, by its path in the folder; the page last."""
    numbers = {"rows.csv": rows_csv(recorded.rows)}
    return numbers | pages(document(recorded), recorded.tables, ALWAYS)


def document(recorded: Recorded) -> Page:
    """Return the page: the executive table, findings, figures, all tables, failures, methods, how to do it
    again.
    """
    tables = list(recorded.tables.values())
    first: list[Part] = [*tables[:1], *([Bullets(lines=recorded.findings)] if recorded.findings else [])]
    figures = [Pictures(pictures=[picture]) for picture in recorded.figures]
    sections = [Section(title="Results", parts=first), Section(title="Figures", parts=figures)]
    sections += [Section(title="More tables", parts=tables[1:]), failed(recorded)]
    sections += [own(recorded.card), how(recorded), *every_number(recorded.card)]
    sections += [again(recorded), Section(title="References", parts=[References()])]
    return Page(
        kind=f"study {recorded.study.name}",
        headline=recorded.study.module.title,
        setting=line(recorded),
        boxes=[
            *(Box(title=warning) for warning in warnings(recorded)),
            *(Box(title=f"{words}.") for words in row_cautions(recorded.rows)),
        ],
        sections=[section for section in sections if section.parts],
    )


def subject(recorded: Recorded) -> str:
    """Return the network that was run, as a report names it; studies of sequences bring networks of their
    own.
    """
    networks = [row["shared"].get("network") for row in recorded.rows[:1]]
    own = any(isinstance(network, Mapping) and "model" not in network for network in networks)
    return "networks of its own" if own else recorded.setting.title


def line(recorded: Recorded) -> str:
    """Return what was run, in a line."""
    s, rows = recorded.setting, recorded.rows
    asked = (
        f"{f'first {s.images}' if s.images else 'all'} test images{f' of {s.dataset}' if s.dataset else ''}"
    )
    if subject(recorded) != s.title:
        asked = f"{s.images or 'the default number of'} test sequences"
    return (
        f"{subject(recorded)}; {asked}; {s.chips} chip{'' if s.chips == 1 else 's'} of card "
        f"{s.card.get('name', 'unnamed')}; seed {s.seed}; {len(rows)} rows, {duration(_time(rows))} of work "
        "in all."
    )


def _time(rows: Sequence[Row]) -> float:
    """Return wall time of all tasks [s], to a tenth."""
    return round(sum(row.get("wall_time [s]", 0.0) for row in rows), 1)


def warnings(recorded: Recorded) -> list[str]:
    """Return what a reader must not miss: tasks that failed, are not measured yet, rows of two sources."""
    failures, rows = len(recorded.failures), len(recorded.rows)
    out = [f"{failures} of {rows} tasks failed; they are listed under Failures."] if failures else []
    out += [words] if (words := mixed(recorded.rows)) else []
    there = {row["id"] for row in recorded.rows}  # of other blocks too, where more chips were asked for later
    if recorded.tasks and there.isdisjoint(recorded.tasks):
        other = (
            "The rows were measured by another version of memsim, whose tasks differ from those of the last "
        )
        return [*out, other + "run: the same command would measure all tasks again."]
    left = sum(name not in there for name in recorded.tasks)
    return [*out, f"{left} of {len(recorded.tasks)} tasks are not measured yet."] if left else out


def failed(recorded: Recorded, title: str = "Failures") -> Section:
    """Return every failure by the labels of its task; equal ones are counted."""
    names = list(dict.fromkeys(name for row in recorded.failures for name in row["labels"]))
    seen = Counter(
        (*(text(row["labels"].get(name, "")) for name in names), row["failure"]["error"])
        for row in recorded.failures
    )
    rows = [[*key, str(number)] for key, number in seen.items()]
    note = f"Tracebacks are in {FILE}. The same command measures these tasks again."
    table = Table(title=title, header=[*names, "error", "tasks [1]"], rows=rows, note=note)
    return Section(title=title, parts=[table] if rows else [])


def how(recorded: Recorded, title: str = "Methods") -> Section:
    """Return what the study says it did, then network, chips and every number."""
    own = getattr(recorded.study.module, "methods", None)
    named = subject(recorded) == recorded.setting.title
    said = [
        *([own(recorded.setting)] if own else []),
        *methods(recorded.setting, recorded.card, named=named),
    ]
    return Section(title=title, parts=[Words(text=paragraph) for paragraph in said])


def again(recorded: Recorded) -> Section:
    """Return the command, and what it ran on."""
    versions = provenance.versions()
    measured = ", ".join(dict.fromkeys(source_of(row) for row in recorded.rows))
    environment = Table(
        title="Environment in which this report was made",
        header=list(versions),
        rows=[list(versions.values())],
    )
    note = (
        "Run this command in the folder of the study, which contains the card (card.toml). Rows were "
        f"measured by memsim {measured}. {FILE} contains the complete rows, rows.csv every number for each "
        f"task and chip. {listed(recorded.tables)}"
    )
    return Section(
        title="How to repeat this study",
        parts=[Code(text=recorded.command), Words(text=note, quiet=True), environment],
    )


# ---- numbers


def rows_csv(rows: Sequence[Row]) -> bytes:
    """Return a line for each task and chip: labels, chip, every number of the result; failures have none."""
    lines = [line for row in rows if "result" in row for line in _chips(row)]
    header = list(dict.fromkeys(name for line in lines for name in line))
    return csv_of([header, *([line.get(name, "") for name in header] for line in lines)])


def _chips(row: Row) -> Iterator[dict[str, Any]]:
    """Yield numbers of one row by chip; those that chips share are repeated."""
    result = row["result"]
    common = {name: value for name, value in flat(result["total"], ": ").items() if is_number(value)}
    for name, values in result["series"].items():
        common |= {f"{name}: {place}": value for place, value in enumerate(values)}
    for place, chip in enumerate(chips_of(row)):
        own = {name: values[place] for name, values in result["per_chip"].items()}
        yield {"task": row["id"], **row["labels"], "chip": chip, **own, **common}


def text(value: Any) -> str:
    """Return a label as people read it."""
    return f"{value:,.10g}" if isinstance(value, float) else str(value)
