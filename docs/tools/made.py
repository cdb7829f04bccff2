"""The pages of docs/ that are made from others: the API reference from the packages' names, the tutorial as
a notebook from its page.

    python docs/tools/made.py        writes docs/api/*.md and docs/tutorial.ipynb

A test holds both against what this makes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import memsim
from memsim import devices, models

DOCS = Path(__file__).parents[1]
PACKAGES = {"memsim": memsim, "devices": devices, "models": models}


def made() -> dict[Path, str]:
    """Every file that is made, by its path."""
    pages = {DOCS / "api" / f"{name}.md": reference(name) for name in PACKAGES}
    return pages | {DOCS / "tutorial.ipynb": notebook((DOCS / "tutorial.md").read_text("utf-8"))}


def reference(package: str) -> str:
    """The page of a package: what it is, then each public name where it is defined."""
    module = PACKAGES[package]
    title = module.__name__
    lines = [f"# {title}", "", (module.__doc__ or "").strip().splitlines()[0], ""]
    for name, where in sorted(public(package).items()):
        lines += [f"::: {where}", "    options:", f'      heading: "{title}.{name}"', ""]
    return "\n".join(lines)


def public(package: str) -> dict[str, str]:
    """Public names of a package, each with the place it is defined in; its subpackages have their own."""
    module = PACKAGES[package]
    where = {name: file for file, names in module._MODULES.items() for name in names}
    found = {}
    for name in module.__all__:
        if name.startswith("_") or name in module._MODULES:
            continue
        found[name] = f"{module.__name__}.{where[name]}.{name}"
    return found


def notebook(page: str) -> str:
    """A page as a Jupyter notebook: prose as Markdown, shell blocks with ! before each command."""
    cells = [_cell(kind, text) for kind, text in _parts(page) if text.strip()]
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    found = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _parts(page: str) -> Iterator[tuple[str, str]]:
    """Prose and blocks in turn."""
    place = 0
    for block in re.finditer(r"^```(\w+)[^\n]*\n(.*?)^```$", page, re.M | re.S):
        yield "markdown", page[place : block.start()]
        yield block[1], block[2]
        place = block.end()
    yield "markdown", page[place:]


def _cell(kind: str, text: str) -> dict[str, Any]:
    if kind == "markdown":
        return {"cell_type": "markdown", "metadata": {}, "source": text.strip().splitlines(True)}
    if kind == "sh":
        text = "".join(f"!{line}" for line in text.splitlines(True))
    source = text.rstrip("\n").splitlines(True)
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}


if __name__ == "__main__":
    for path, text in made().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
