"""Two runs of one study: what differs, their tables joined, the same chips in pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite

from memsim.studies.evaluation.identity import digest
from memsim.studies.evaluation.identity import point as key_of
from memsim.studies.evaluation.intervals import Estimate
from memsim.studies.evaluation.points import Point
from memsim.studies.reports import draw, field_differences
from memsim.studies.reports.dossier import ALWAYS, Recorded, failed, how, line, text, warnings
from memsim.studies.reports.field_differences import NAMES, fields_of
from memsim.studies.reports.page import (
    Box,
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
from memsim.studies.reports.quantities import digits
from memsim.studies.reports.report_folder import Files, listed, pages
from memsim.studies.reports.row_cautions import row_cautions
from memsim.studies.reports.table import Table
from memsim.studies.running.source import source_of


def check(a: Recorded, b: Recorded) -> None:
    """Raise ValueError for runs of different studies."""
    if a.study.name != b.study.name:
        said = " and ".join(f"{run.folder} of {run.study.name!r}" for run in (a, b))
        raise ValueError(f"only runs of one study can be set side by side; these are {said}")


def files(a: Recorded, b: Recorded) -> Files:
    """Return everything the report consists of, by its path in the folder; the page last."""
    return pages(document(a, b), tables(a, b), ALWAYS)


def document(a: Recorded, b: Recorded) -> Page:
    """Return the page: what differs, the executive tables joined, paired differences, figures beside each
    other.
    """
    runs: dict[str, Recorded] = dict(zip(NAMES, (a, b), strict=True))
    files = Words(text=listed(tables(a, b)), quiet=True)
    sections = [
        Section(title="What differs", parts=[differences(a, b)]),
        Section(title="Results", parts=[*joined(a, b), *paired(a, b), files]),
        Section(title="Figures", parts=list(drawn(runs))),
        *(failed(run, f"Failures of {name}") for name, run in runs.items()),
        how(a, "Methods of A"),
        Section(title="How to repeat these runs", parts=list(commands(runs))),
        Section(title="References", parts=[References()]),
    ]
    return Page(
        kind=f"study {a.study.name}, two runs",
        headline=f"{a.study.module.title}: {a.folder.resolve().name} (A) and {b.folder.resolve().name} (B)",
        setting=" ".join(f"{name}: {line(run)}" for name, run in runs.items()),
        boxes=[
            Box(title=f"{name}: {said}")
            for name, run in runs.items()
            for said in (*warnings(run), *(f"{words}." for words in row_cautions(run.rows)))
        ],
        sections=[section for section in sections if section.parts],
    )


def tables(a: Recorded, b: Recorded) -> dict[str, Table]:
    """Return every table of the page by its name as a file."""
    parts = [differences(a, b), *joined(a, b), *paired(a, b)]
    return {slug(part.title.lower()): part for part in parts if isinstance(part, Table)}


def differences(a: Recorded, b: Recorded) -> Table:
    """Return every field of the settings, card included, that is not the same; what the rows were made
    with, too.
    """
    ours, theirs = (fields_of(run.setting) | _made_with(run) for run in (a, b))
    return field_differences.differences(ours, theirs)


def _made_with(run: Recorded) -> dict[str, list[str]]:
    """Return what no setting says: memsim's version, and digests of the study's text and the network's
    file.
    """
    networks = (row.get("shared", {}).get("network") for row in run.rows)
    plain = {
        n["digest"] for n in networks if isinstance(n, Mapping) and "digest" in n and not n.get("change")
    }
    return {
        "memsim": sorted({source_of(row) for row in run.rows}),
        "text of the study": [digest(run.study.source)],
        "network file": sorted(map(str, plain)),
    }


def joined(a: Recorded, b: Recorded) -> list[Table]:
    """Return the executive tables as one: of rows with the same beginning, A's stands above B's."""
    first = [table for run in (a, b) for table in list(run.tables.values())[:1]]
    if len(first) < 2:
        return []
    width = _key(*first)
    columns = list(dict.fromkeys(name for table in first for name in table.header[width:]))
    cells = [{tuple(r[:width]): dict(zip(t.header, r, strict=False)) for r in t.rows} for t in first]
    rows = [
        [*key, name, *(found[key].get(column, "") for column in columns)]
        for key in dict.fromkeys([*cells[0], *cells[1]])
        for name, found in zip(NAMES, cells, strict=True)
        if key in found
    ]
    header = [*first[0].header[:width], "run", *columns]
    return [Table(title=first[0].title, header=header, rows=rows, note=first[0].note)]


def _key(*tables: Table) -> int:
    """Return the number of first cells that distinguish the rows of each table."""
    widest = max(len(table.header) for table in tables)
    for width in range(1, widest):
        if all(len({tuple(row[:width]) for row in table.rows}) == len(table.rows) for table in tables):
            return width
    return widest


def paired(a: Recorded, b: Recorded) -> list[Part]:
    """B minus A at every point of both, over the chips both have, each against itself."""
    if a.setting.seed != b.setting.seed:
        return [Words(text="The seeds differ, so the runs have different chips and no paired differences.")]
    theirs = {key_of(point.labels): point for point in b.points}
    pairs = [(point, theirs[key_of(point.labels)]) for point in a.points if key_of(point.labels) in theirs]
    measured = [list(dict.fromkeys(c for point in run.points for c in point.per_chip)) for run in (a, b)]
    both = [c for c in measured[0] if c in measured[1]]
    columns = [c for c in draw.MEASURES if c in both and c != "agreement [1]"] or both
    if not pairs or not columns:
        return [Words(text="The runs have no point with a measure in common.")]
    names = list(dict.fromkeys(name for point, _ in pairs for name in point.labels))
    header = [*names, *(draw.MEASURES.get(c, c).replace("[%]", "[points]") for c in columns), "chips [1]"]
    rows = [_differences(*pair, names, columns) for pair in pairs]
    note = (
        "B minus A, chip by chip. Chips with the same number use the same random numbers, so their devices "
        "are the same if cells and arrays are the same in both runs. Brackets hold 95 % intervals over "
        "chips."
    )
    return [Table(title="What changes from A to B", header=header, rows=rows, note=note)]


def _differences(a: Point, b: Point, names: Sequence[str], columns: Sequence[str]) -> list[str]:
    changes = [b.against(a, c) if c in a.per_chip and c in b.per_chip else None for c in columns]
    cells = [_shown(change, column) for change, column in zip(changes, columns, strict=True)]
    return [*(text(a.labels.get(name, "")) for name in names), *cells, str(len(set(a.chips) & set(b.chips)))]


def _shown(change: Estimate | None, column: str) -> str:
    """Return a difference, to three digits where only the study has this measure."""
    if change is None or column in draw.MEASURES:
        return draw.change(change, column)
    mean, low, high = (digits(value) for value in (change.mean, change.low, change.high))
    if change.alike:
        return f"{mean} (equal on all chips)"
    return f"{mean} [{low}, {high}]" if isfinite(change.low) else mean


def drawn(runs: Mapping[str, Recorded]) -> Iterator[Pictures]:
    """Yield figures of one name beside each other; one that a single run has stands alone."""
    found = {name: {picture.name: picture for picture in run.figures} for name, run in runs.items()}
    for figure in dict.fromkeys(figure for pictures in found.values() for figure in pictures):
        yield Pictures(
            pictures=[
                Picture(name=f"{name}-{figure}", figure=pictures[figure].figure, of=name)
                for name, pictures in found.items()
                if figure in pictures
            ]
        )


def commands(runs: Mapping[str, Recorded]) -> Iterator[Part]:
    """Yield how each was measured."""
    for name, run in runs.items():
        yield Words(text=f"{name}, in its folder:")
        yield Code(text=run.command)
