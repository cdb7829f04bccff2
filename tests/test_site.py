"""The site's plan agrees with the pages, its reference with the public names; mkdocs is not needed here."""

import importlib
import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PLAN = (ROOT / "mkdocs.yml").read_text("utf-8")

spec = importlib.util.spec_from_file_location("docs_made", DOCS / "tools" / "made.py")
assert spec is not None and spec.loader is not None
made = importlib.util.module_from_spec(spec)
sys.modules["docs_made"] = made
spec.loader.exec_module(made)


def test_the_plan_names_every_page_once_and_no_other() -> None:
    named = re.findall(r": (\S+\.md)$", PLAN.split("\nnav:\n")[1], re.M)
    pages = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")]
    assert sorted(named) == sorted(pages)


@pytest.mark.parametrize("path", made.made(), ids=lambda path: path.name)
def test_a_made_page_is_what_its_maker_makes(path: Path) -> None:
    """python docs/tools/made.py writes them anew."""
    assert path.read_text("utf-8") == made.made()[path]


@pytest.mark.parametrize("package", made.PACKAGES)
def test_every_public_name_is_in_the_reference_where_it_is_defined_and_described(package: str) -> None:
    page = (DOCS / "api" / f"{package}.md").read_text("utf-8")
    listed = re.findall(r"^::: (\S+)$", page, re.M)
    module = made.PACKAGES[package]
    rooms = {"devices", "models", "studies", "datasets"}  # rooms of their own, or modules
    names = [name for name in module.__all__ if not name.startswith("_") and name not in rooms]
    assert sorted(one.rpartition(".")[2] for one in listed) == sorted(names)
    for one in listed:
        where, _, name = one.rpartition(".")
        found = getattr(importlib.import_module(where), name)
        assert found is getattr(module, name)
        assert (getattr(found, "__doc__", None) or "").strip(), f"{one} has no docstring"


def test_the_notebook_has_every_block_of_the_tutorial_in_order() -> None:
    book = json.loads((DOCS / "tutorial.ipynb").read_text("utf-8"))
    code = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    blocks = re.findall(
        r"^```(\w+)[^\n]*\n(.*?)^```$", (DOCS / "tutorial.md").read_text("utf-8"), re.M | re.S
    )
    shown = [
        text if kind == "python" else re.sub(r"^", "!", text.rstrip(), flags=re.M) for kind, text in blocks
    ]
    assert code == [text.rstrip("\n") for text in shown]
    assert book["nbformat"] == 4 and not any(cell.get("outputs") for cell in book["cells"])


def test_a_notebook_leaves_no_prose_out() -> None:
    book = json.loads(made.notebook("# A\n\ntext\n\n```sh\nls a\nls b\n```\n\nlast\n"))
    assert ["".join(cell["source"]) for cell in book["cells"]] == ["# A\n\ntext", "!ls a\n!ls b", "last"]
