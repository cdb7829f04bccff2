"""What reports share: the parts of a page, its style, and a folder that is written whole or not at all.

A page is a list of sections made of parts; one template turns them into HTML, one into Markdown.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import jinja2
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from memsim.studies.reports import figure_style
from memsim.studies.reports.bibliography import CITATION, Entry, entry
from memsim.studies.reports.table import Table
from memsim.studies.running.files import sync_folder, write_synced

WIDE = 4.5
"""Figures wider than this [inch] take the whole page and scroll on a phone."""


@final
@dataclass(frozen=True, kw_only=True)
class Words:
    """A paragraph; quiet: in grey."""

    text: str
    quiet: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class Bullets:
    """A list of sentences."""

    lines: Sequence[str]


@final
@dataclass(frozen=True, kw_only=True)
class Code:
    """Text to copy."""

    text: str


@final
@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure, whose label is its caption; ``of`` says whose it is, where two stand beside each other."""

    name: str
    figure: Figure
    of: str = ""

    @property
    def caption(self) -> str:
        """What stands below it."""
        return ": ".join(filter(None, (self.of, str(self.figure.get_label()))))


@final
@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Figures beside each other, below each other where there is no room."""

    pictures: Sequence[Picture]


@final
@dataclass(frozen=True, kw_only=True)
class References:
    """Where the works cited above stand."""


Part = Words | Bullets | Code | Table | Pictures | References


@final
@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands below it."""

    title: str
    parts: Sequence[Part]


@final
@dataclass(frozen=True, kw_only=True)
class Page:
    """A report: what kind it is, its headline, a line about the run, what must not be missed, sections."""

    kind: str
    headline: str
    setting: str
    sections: Sequence[Section]
    warnings: Sequence[str] = field(default_factory=tuple)

    @property
    def pictures(self) -> Iterator[Picture]:
        """Every figure, in order."""
        for section in self.sections:
            for part in section.parts:
                if isinstance(part, Pictures):
                    yield from part.pictures


class Citations:
    """Numbers works in the order in which texts cite them."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __iter__(self) -> Iterator[tuple[int, Entry]]:
        return ((number, entry(key)) for key, number in self.numbers.items())

    def number(self, key: str) -> int:
        """The number of a work, new where it was not cited before; ValueError for one that does not exist."""
        return self.numbers.setdefault(entry(key).key, len(self.numbers) + 1)

    def html(self, text: Any) -> Markup:
        """Text with each citation as links; intervals, and numbers with a unit, stay on one line."""

        def link(found: re.Match[str]) -> str:
            numbers = [self.number(key) for key in re.findall(r"\w+", found[1])]
            return "[" + ", ".join(f'<a href="#ref-{number}">{number}</a>' for number in numbers) + "]"

        whole = re.sub(r"(\[[^][\s]+,) (?=[^][\s]+\])|(\d) (?=[a-zµ%Ω])", "\\1\\2\u00a0", str(escape(text)))
        return Markup(CITATION.sub(link, whole))

    def markdown(self, text: Any) -> str:
        """Text with each citation as numbers; what Markdown or HTML would read otherwise is escaped."""

        def numbers(found: re.Match[str]) -> str:
            return f"[{', '.join(str(self.number(key)) for key in re.findall(r'[a-z]+[0-9]+', found[1]))}]"

        plain = str(text).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
        return CITATION.sub(numbers, plain)


def html(page: Page) -> str:
    """The page as one HTML document that loads nothing."""
    figures = {picture.name: inline(picture.name, picture.figure) for picture in page.pictures}
    citations = Citations()
    template = environment(citations).get_template("study.html.j2")
    return with_contents(template.render(page=page, figures=figures, citations=citations))


def with_contents(document: str) -> str:
    """The document with a list of its sections below the head, and a name on each to lead there."""
    titles: list[tuple[str, str]] = []

    def named(found: re.Match[str]) -> str:
        name = re.sub(r"[^a-z0-9]+", "-", found[1].lower()).strip("-")
        titles.append((name, found[1]))
        return f'<section id="{name}"><h2>{found[1]}</h2>'

    document = re.sub(r"<section><h2>(.*?)</h2>", named, document)
    links = " · ".join(f'<a href="#{name}">{title}</a>' for name, title in titles)
    return document.replace("</header>", f'<nav class="quiet">{links}</nav>\n</header>', 1)


def markdown(page: Page) -> tuple[str, list[str]]:
    """The same page in Markdown, whose figures lie in figures/, and the keys of the works it cites."""
    citations = Citations()
    template = environment(citations, escaped=False).get_template("study.md.j2")
    return template.render(page=page, citations=citations), list(citations.numbers)


def pictures(page: Page) -> dict[str, bytes]:
    """Files of the page's figures."""
    out: dict[str, bytes] = {}
    for picture in page.pictures:
        out[f"figures/{picture.name}.svg"] = figure_style.svg(picture.figure).encode()
        out[f"figures/{picture.name}.png"] = figure_style.png(picture.figure)
    return out


def environment(citations: Citations | None = None, *, escaped: bool = True) -> jinja2.Environment:
    """Where templates live, with the filters ``cite`` (a text and its citations) and ``kind`` (of a part).

    Without citations texts stand as they are.
    """
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=escaped,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["cite"] = escape if citations is None else citations.html if escaped else citations.markdown
    found.filters["kind"] = lambda part: type(part).__name__
    return found


def inline(name: str, figure: Figure) -> dict[str, Any]:
    """A figure for the page: SVG without prolog, its ids made the page's own."""
    document = figure_style.svg(figure)
    document = document[document.index("<svg") :]
    document = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", document)
    document = document.replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1)
    title = figure.get_suptitle()
    return {
        "svg": Markup(document),
        "wide": figure.get_figwidth() > WIDE,
        "about": f"of {title}" if title else "",
    }


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
