"""A report as a folder: the one way in which pages on comparisons, studies and pairs of runs are written.

report.html and report.md say the same; figures/ (SVG and PNG), tables/ (CSV) and references.bib are what they
show.  A folder is written whole or not at all.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memsim.studies.reports import bibliography, figure_style
from memsim.studies.reports.page import Page, html, markdown
from memsim.studies.reports.table import Table
from memsim.studies.running.files import sync_folder, write_synced

Files = Mapping[str, bytes]
"""What a report consists of, by its path in the folder; the page last."""


def write(folder: str | Path, make: Callable[[], Files]) -> Path:
    """Put the files that `make` gives into a folder, all or none; returns the page.

    The folder is tried before `make` is called; figures and tables of an earlier report that are not among
    the new ones are removed.  OSError names a folder that cannot be written.
    """
    folder = Path(folder)
    with whole(folder, written(folder)) as place:
        place(make())
    return folder / "report.html"


def pages(made: Page, tables: Mapping[str, Table], cited: Sequence[str] = ()) -> dict[str, bytes]:
    """Return a page as files: tables, figures, the works it cites (and others), Markdown, HTML."""
    out = {f"tables/{name}.csv": csv_of([table.header, *table.rows]) for name, table in tables.items()}
    drawn = {picture.name: figure_style.svg(picture.figure) for picture in made.pictures}
    for picture in made.pictures:
        out[f"figures/{picture.name}.svg"] = drawn[picture.name].encode()
        out[f"figures/{picture.name}.png"] = figure_style.png(picture.figure)
    text, keys = markdown(made)
    out["references.bib"] = bibliography.bibtex(dict.fromkeys([*keys, *cited])).encode()
    return out | {"report.md": text.encode(), "report.html": html(made, drawn).encode()}


def csv_of(lines: Sequence[Sequence[Any]]) -> bytes:
    """Return lines as a CSV file."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue().encode()


def listed(tables: Iterable[str]) -> str:
    """Return where the tables lie; the next report in the folder reads here which are this one's."""
    return f"Tables: {', '.join(f'tables/{name}.csv' for name in tables) or 'none'}."


def written(folder: Path) -> list[str]:
    """Return figures and tables that an earlier report in the folder names: its own, to be replaced."""
    try:
        text = (folder / "report.md").read_text("utf-8")
    except OSError:
        return []
    names = re.findall(r"\(figures/([\w-]+)\.png\)", text)
    tables = re.findall(r"tables/[\w-]+\.csv", text)
    return [*(f"figures/{name}.{kind}" for name in names for kind in ("svg", "png")), *tables]


@contextmanager
def whole(folder: Path, stale: Iterable[str] = ()) -> Iterator[Callable[[Mapping[str, bytes]], None]]:
    """Know that the folder takes files before any work is done; then put all of them there, or none.

    Files are written beside their place and moved in, in order; those of ``stale`` that are not among them
    go.  OSError names the folder.
    """
    workshop, existed = None, True
    try:
        with _named(folder):
            existed = folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            _clear_up(folder)
            workshop = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
        yield lambda files: _move_in(folder, workshop, files, stale)
    except BaseException:
        if not existed:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        if workshop is not None:
            shutil.rmtree(workshop, ignore_errors=True)


def _clear_up(folder: Path) -> None:
    """Remove what a report that was killed left, a day ago or before."""
    for left in folder.glob(".writing-*"):
        if left.stat().st_mtime < time.time() - 86400:
            shutil.rmtree(left, ignore_errors=True)


def _move_in(folder: Path, workshop: Path, files: Mapping[str, bytes], stale: Iterable[str]) -> None:
    with _named(folder):
        for name, content in files.items():
            path = workshop / name
            path.parent.mkdir(exist_ok=True)
            write_synced(path, content)
        for name in files:
            (folder / name).parent.mkdir(exist_ok=True)
            os.replace(workshop / name, folder / name)
        sync_folder(folder)
        for name in set(stale) - set(files):
            (folder / name).unlink(missing_ok=True)


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"cannot write the report into {folder}: {reason}; choose another folder") from error
