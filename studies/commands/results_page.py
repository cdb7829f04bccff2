"""docs/results.md: what the built-in studies found, from their rows alone.

python -m memsim.studies.commands.results_page FOLDER ... writes it anew, one section a folder; with --add the
sections of these folders take the place of those with the same title and command, or follow the last.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import page
from memsim.studies.reports.dossier import Recorded, line, recall, subject, warnings
from memsim.studies.reports.page import Bullets, Page, Part, References, Section, Words
from memsim.studies.reports.table import Table
from memsim.studies.running.rows import FILE
from memsim.studies.running.source import source_of

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "results.md"

LEFT_OUT = ("chips", "chips to halve", "margin [1]", "harder: cross-entropy [nat]", "latency")
"""Columns of a study's first table that only its report has."""

MANY = 12
"""More findings than these are left to the report."""

START, READ, SOURCES = "\n## ", "How to read the brackets", "References"
"""How a section begins, and the sections that follow those of studies."""

ABOUT = (
    "Every number here is computed from rows of studies (`python -m memsim.studies.commands.results_page`); "
    "the command under each title measures them again. [studies.md](studies.md) explains each study."
)


def shown(recorded: Recorded) -> list[Table]:
    """Return the first table of a study and those that have its columns: the same question at other times."""
    first, *others = recorded.tables.values()
    return [first, *(table for table in others if table.header == first.header)]


def narrowed(table: Table) -> Table:
    """Return the table without the columns that are left out, its title that of its study."""
    kept = [at for at, name in enumerate(table.header) if name not in LEFT_OUT]
    rows = [[row[at] for at in kept] for row in table.rows]
    return replace(table, header=[table.header[at] for at in kept], rows=rows)


def measured(recorded: Recorded, commit: str) -> str:
    """When the rows were measured (day of the last one, UTC), at which commit, by which source."""
    changed = (recorded.folder / FILE).stat().st_mtime
    day = datetime.fromtimestamp(changed, timezone.utc).date().isoformat()
    sources = sorted({source_of(row) for row in recorded.rows})
    return f"Measured by {day} at commit {commit}, memsim {', '.join(sources)}."


def command(recorded: Recorded) -> str:
    """Return the command that measures it: the study's name and the options that differ from their
    defaults.
    """
    run, default = recorded.setting, Setting()
    words = ["memsim study", recorded.study.name]
    for field in ("model", "chips", "images", "dataset", "seed"):
        if (value := getattr(run, field)) != getattr(default, field):
            words.append(f"--{field} {value}")
    words += [f"--time {run.time:g}s"] if run.time != default.time else []
    words += [f"--card {run.card['name']}"] if run.card.get("name", "default") != "default" else []
    return " ".join(words)


def section(recorded: Recorded, commit: str) -> Section:
    """Return one study: its command, what was run, its first tables, what follows from them."""
    words = [*warnings(recorded), line(recorded), measured(recorded, commit)]
    parts: list[Part] = [Words(text=f"`{command(recorded)}`"), Words(text=" ".join(words))]
    parts += [narrowed(table) for table in shown(recorded)]
    said = recorded.findings
    if len(said) > MANY:
        said = [f"The report has {len(said)} findings, some for each line of the table."]
    parts += [Bullets(lines=said)] if said else []
    title = f"{recorded.study.name}: {subject(recorded)}"
    return Section(title=title, parts=parts)


def notes(sections: Sequence[Section]) -> list[str]:
    """Return the notes of all tables, each once."""
    tables = [part for one in sections for part in one.parts if isinstance(part, Table)]
    return list(dict.fromkeys(table.note for table in tables if table.note))


def text(folders: Sequence[str | Path], commit: str, *, trust: bool = False) -> str:
    """Return the page in Markdown; ValueError as :func:`memsim.studies.reports.dossier.recall`."""
    sections = [section(recall(folder, trust=trust), commit) for folder in folders]
    said = [Words(text=note) for note in notes(sections)]
    sections += [Section(title=READ, parts=said)]
    sections += [Section(title=SOURCES, parts=[References()])]
    pieces = [replace(one, parts=[_unnoted(part) for part in one.parts]) for one in sections]
    whole = Page(kind="results", headline="What the studies found", setting=ABOUT, sections=pieces)
    return page.markdown(whole)[0].replace("memsim: results. ", "", 1)


def added(before: str, new: str) -> str:
    """Return the page `before` with the studies of another one put in.

    Raises ValueError where it is no such page, and where the two number their sources differently.
    """
    old, fresh = (_pieces(page) for page in (before, new))
    if READ not in old:
        raise ValueError(f"the page has no section {READ!r}: it was not written by this command")
    if _cited(fresh) and _cited(fresh) != _cited(old):
        raise ValueError(
            "these studies number their sources differently from the page: write the whole page again"
        )
    notes = [note for note in fresh.pop(READ).split("\n\n")[1:] if note.strip() not in old[READ]]
    ends = {READ: "\n\n".join([old.pop(READ).strip("\n"), *(note.strip("\n") for note in notes)]) + "\n"}
    if SOURCES in old:
        ends[SOURCES] = old.pop(SOURCES)
    fresh.pop("")
    fresh.pop(SOURCES, None)
    return START.join((old | fresh | ends).values())


def _cited(pieces: dict[str, str]) -> str:
    return pieces.get(SOURCES, "").removeprefix(SOURCES).strip()


def _pieces(page: str) -> dict[str, str]:
    """Return texts of a page's sections, by title, and by title and command where it is of a study; "" the
    head.
    """
    first, *rest = page.split(START)
    found = {"": first}
    for text in rest:
        title, _, body = text.partition("\n")
        command = body.strip().split("\n")[0]
        found[f"{title} {command}" if command.startswith("`memsim") else title] = text
    return found


def _unnoted(part: Part) -> Part:
    return replace(part, note="") if isinstance(part, Table) else part


def head() -> str:
    """Return the commit of this source tree, "unknown" where it is no git repository."""
    asked = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def main(words: Sequence[str] | None = None) -> None:
    """Write docs/results.md; SystemExit with a message for a folder that cannot be read."""
    parser = argparse.ArgumentParser(description="Write docs/results.md from folders of results.")
    parser.add_argument("folders", type=Path, nargs="+", help="folders of studies, in the order of the page")
    parser.add_argument("--commit", help="commit the rows were measured at (default: that of this source)")
    parser.add_argument("--add", action="store_true", help="keep all other sections of the page")
    parser.add_argument("--trust", action="store_true", help="run study files in the folders")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page")
    options = parser.parse_args(words)
    try:
        written = text(options.folders, options.commit or head(), trust=options.trust)
        if options.add:
            written = added(options.out.read_text("utf-8"), written)
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from None
    options.out.write_text(written, "utf-8")
    print(options.out)


if __name__ == "__main__":
    main()
