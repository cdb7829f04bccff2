"""A page of a report: sections made of parts; one template turns them into HTML, one into Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import jinja2
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from memsim.studies.reports.bibliography import CITATION, Entry, entries, entry
from memsim.studies.reports.table import Table

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
class Box:
    """Sentences in a frame, under a title: what a reader must not miss."""

    title: str
    lines: Sequence[str] = field(default_factory=tuple)


@final
@dataclass(frozen=True, kw_only=True)
class Code:
    """Text to copy."""

    text: str


@final
@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure, its caption (default: its label), and whose it is, where two stand beside each other."""

    name: str
    figure: Figure
    of: str = ""
    says: str = ""

    @property
    def caption(self) -> str:
        """What stands below it."""
        return ": ".join(filter(None, (self.of, self.says or str(self.figure.get_label()))))


@final
@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Figures beside each other, below each other where there is no room."""

    pictures: Sequence[Picture]


@final
@dataclass(frozen=True, kw_only=True)
class References:
    """Where the works cited above stand."""


Part = Words | Bullets | Box | Code | Table | Pictures | References


@final
@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands below it; folded: closed on a screen until it is asked for, open in print."""

    title: str
    parts: Sequence[Part]
    folded: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class Page:
    """A report: what kind it is, its headline, what must not be missed, a line about the run, sections."""

    kind: str
    headline: str
    setting: str
    sections: Sequence[Section]
    boxes: Sequence[Box] = field(default_factory=tuple)
    foreign: bool = (
        False  #: names from outside stand in it: what looks like a citation of no known work is text
    )

    @property
    def contents(self) -> Iterator[tuple[str, Section]]:
        """Sections with a name each that a link leads to."""
        return ((slug(section.title.lower()), section) for section in self.sections)

    @property
    def pictures(self) -> Iterator[Picture]:
        """Every figure, in order."""
        for section in self.sections:
            for part in section.parts:
                if isinstance(part, Pictures):
                    yield from part.pictures


UNBROKEN = re.compile(
    r"(\[[^][\s]+,) (?=[^][\s]+\])|(\d) (?=[a-zµ%Ω])|(?<=\d to) (?=[-+−]?\d)"
    r"|(?<=below) (?=0\b)|(?<=not) (?=decided)"
)
"""Spaces without a line break: in an interval, between a number and its unit, in a range, in a verdict."""


class Citations:
    """Numbers works in the order in which texts cite them; strict: a work that does not exist is an error."""

    def __init__(self, strict: bool = True) -> None:
        self.numbers: dict[str, int] = {}
        self.strict = strict

    def __iter__(self) -> Iterator[tuple[int, Entry]]:
        return ((number, entry(key)) for key, number in self.numbers.items())

    def _numbers(self, found: re.Match[str]) -> list[int]:
        """Return numbers of the works of a citation, new where it is the first; [] for a text that cites
        nothing; ValueError where it names a work that does not exist.
        """
        keys = re.findall(r"@(\w+)", found[1])
        if not self.strict and not all(key in entries() for key in keys):
            return []
        return [self.numbers.setdefault(entry(key).key, len(self.numbers) + 1) for key in keys]

    def html(self, text: Any) -> Markup:
        """Return the text with each citation as links; intervals, ranges and numbers with a unit stay on
        one line.
        """

        def link(found: re.Match[str]) -> str:
            links = [f'<a href="#ref-{number}">{number}</a>' for number in self._numbers(found)]
            return f"[{', '.join(links)}]" if links else found[0]

        return Markup(CITATION.sub(link, UNBROKEN.sub("\\1\\2\u00a0", str(escape(text)))))

    def markdown(self, text: Any) -> str:
        """Return the text with each citation as numbers; what Markdown or HTML would read otherwise is
        escaped.
        """

        def numbers(found: re.Match[str]) -> str:
            return f"[{', '.join(map(str, self._numbers(found)))}]".replace("[]", found[0])

        plain = str(text).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
        return CITATION.sub(numbers, plain)


def html(page: Page, drawn: Mapping[str, str]) -> str:
    """Return the page as one HTML document that loads nothing; drawn: the SVG of each of its pictures by
    name.
    """
    figures = {picture.name: inline(picture, drawn[picture.name]) for picture in page.pictures}
    citations = Citations(strict=not page.foreign)
    template = environment(citations).get_template("page.html.j2")
    return template.render(page=page, figures=figures, citations=citations)


def markdown(page: Page) -> tuple[str, list[str]]:
    """Return the same page in Markdown, whose figures lie in figures/, and the keys of the works it cites."""
    citations = Citations(strict=not page.foreign)
    template = environment(citations, escaped=False).get_template("page.md.j2")
    return template.render(page=page, citations=citations), list(citations.numbers)


def environment(citations: Citations | None = None, *, escaped: bool = True) -> jinja2.Environment:
    """Return where templates live, with the filters ``cite`` (a text and its citations) and ``kind`` (of a
    part).

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


def inline(picture: Picture, document: str) -> dict[str, Any]:
    """Return a figure for the page: SVG without prolog, its ids made the page's own, and whether it is
    wide.
    """
    name = picture.name
    document = document[document.index("<svg") :]
    document = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", document)
    document = document.replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1)
    return {"svg": Markup(document), "wide": picture.figure.get_figwidth() > WIDE}


def slug(name: str) -> str:
    """Return a name as a file's."""
    return re.sub(r"[^\w-]+", "-", name).strip("-")
