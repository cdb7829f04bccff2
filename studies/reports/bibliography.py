"""What memsim cites: entries of references.bib, as text for a page, and numbered where a text mentions them.

A text cites as in Pandoc: ``[@joshi2020; @horowitz2014]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import final

FILE = Path(__file__).parent / "references.bib"

CITATION = re.compile(r"\[(@\w+(?:; ?@\w+)*)\]")
"""A citation in a text."""

AUTHORS = 3
"""So many authors are named; of more, the first alone."""


@final
@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry: its BibTeX text as in the file, and its fields."""

    key: str
    bibtex: str
    fields: Mapping[str, str]

    @property
    def text(self) -> str:
        """Authors, title, where and when it appeared; without its identifier."""
        f = self.fields
        place = next((f[name] for name in ("journal", "booktitle", "howpublished") if name in f), "")
        volume = f"{place} {f.get('volume', '')}".strip()
        where = ", ".join(filter(None, (volume, f.get("pages", "").replace("--", "–"))))
        title = f"{f['title']}. {where}" if where else f["title"]
        return f"{authors(f['author'])}: {title} ({f['year']})."

    @property
    def identifier(self) -> str:
        """Its DOI, or arXiv number, where it has one."""
        if "doi" in self.fields:
            return f"doi:{self.fields['doi']}"
        return f"arXiv:{self.fields['eprint']}" if "eprint" in self.fields else ""

    @property
    def link(self) -> str:
        """Where its identifier leads."""
        kind, _, name = self.identifier.partition(":")
        return {"doi": f"https://doi.org/{name}", "arXiv": f"https://arxiv.org/abs/{name}"}.get(kind, "")

    @property
    def line(self) -> str:
        """The entry in one line, with what it is cited for."""
        return " ".join(filter(None, (self.text, self.identifier and f"{self.identifier}.", f"{self.use}.")))

    @property
    def use(self) -> str:
        """What memsim takes from it."""
        return self.fields["annote"]


def authors(names: str) -> str:
    """BibTeX's authors as people write them: "Gong, Nanbo and Rasch, Malte J." -> "N. Gong, M. J. Rasch"."""
    people = [_person(name) for name in names.removesuffix(" and others").split(" and ")]
    some = people if len(people) <= AUTHORS else people[:1]
    return ", ".join(some) + (" et al." if names.endswith(" and others") or some != people else "")


def _person(name: str) -> str:
    family, _, given = name.partition(", ")
    initials = " ".join("-".join(f"{part[0]}." for part in word.split("-")) for word in given.split())
    return f"{initials} {family}".strip()


@lru_cache(maxsize=1)
def entries() -> dict[str, Entry]:
    """Return every entry of references.bib by its key; ValueError for a key that stands there twice."""
    found: dict[str, Entry] = {}
    for bibtex in FILE.read_text(encoding="utf-8").split("\n\n"):
        key = bibtex[bibtex.index("{") + 1 : bibtex.index(",")]
        pairs = re.findall(r"^  (\w+) = \{(.*)\},$", bibtex, flags=re.MULTILINE)
        if key in found:
            raise ValueError(f"{FILE.name}: two entries {key}")
        fields = {name: re.sub(r"[{}]", "", value) for name, value in pairs}
        found[key] = Entry(key=key, bibtex=bibtex.strip(), fields=fields)
    return found


def entry(key: str) -> Entry:
    """Return one entry; ValueError for a key that is not in references.bib."""
    if key not in entries():
        raise ValueError(f"no entry {key!r} in {FILE.name}; there are {', '.join(entries())}")
    return entries()[key]


def mentioned(text: str) -> list[str]:
    """Return keys of the entries that a source in words means: first author's family name and year stand
    in it.
    """
    return [
        key
        for key, e in entries().items()
        if re.search(rf"\b{re.escape(e.fields['author'].split(',')[0])}\b", text) and e.fields["year"] in text
    ]


def cite(*keys: str) -> str:
    """Return a citation for a text; "" for no key."""
    return f" [{'; '.join(f'@{key}' for key in dict.fromkeys(keys))}]" if keys else ""


def cited(texts: Iterable[str]) -> list[str]:
    """Return keys in the order in which texts cite them first; ValueError for one that does not exist."""
    keys = [key for text in texts for found in CITATION.findall(text) for key in re.findall(r"\w+", found)]
    return [entry(key).key for key in dict.fromkeys(keys)]


def bibtex(keys: Iterable[str]) -> str:
    """Return entries as a BibTeX file."""
    return "\n\n".join(entry(key).bibtex for key in keys) + "\n"
