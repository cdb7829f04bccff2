"""Everything docs/ shows is true: its blocks run, in order, in an empty folder; its links and paths exist.

A block says in its fence what becomes of it:

    ```sh                 run by sh, which stops at the first command that fails
    ```python             executed; one page's blocks share their names
    ```python, ```toml    whose first line is a comment with a file name alone, "# mine.py": written to it
    ```sh slow            run only where the whole page is, in the slow tests
    ```sh no-test: WHY    not run; its memsim commands must be understood all the same
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.main import get_command

from memsim import devices
from memsim.studies.cli import app

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
COMMANDS = get_command(app).commands


class Block(NamedTuple):
    """A fenced block: its language, what its fence says besides, its line in the page, its text."""

    language: str
    mark: str
    line: int
    text: str

    @property
    def file(self) -> str | None:
        """The file it shows, None where it is to be executed."""
        found = re.match(r"# ([\w-]+\.(?:py|toml))\n", self.text)
        return found[1] if found and self.language != "sh" else None

    @property
    def commands(self) -> list[str]:
        """Its shell lines, continued ones joined, without comments."""
        lines = self.text.replace("\\\n", " ").splitlines() if self.language == "sh" else []
        return [line.split(" #")[0].strip() for line in lines if line.strip() and line.strip()[0] != "#"]


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for found in re.finditer(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", text, re.M | re.S):
        yield Block(found[1], found[2], text[: found.start()].count("\n") + 1, found[3])


def runnable(page: Path, slow: bool) -> list[Block]:
    """Blocks that are run: all of them, or those that are quick."""
    chosen = [block for block in blocks(page) if not block.mark.startswith("no-test")]
    return [block for block in chosen if slow or block.mark != "slow"]


QUICK = [page for page in PAGES if any(block.file is None for block in runnable(page, slow=False))]
SLOW = [page for page in PAGES if any(block.mark == "slow" for block in blocks(page))]


def run(page: Path, chosen: list[Block], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run blocks one after the other in a folder; the first that fails is named."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    names: dict[str, Any] = {"__name__": "docs"}
    presets = devices.names()
    try:
        _run(page, chosen, folder, names)
    finally:
        for cell in set(devices.names()) - set(presets):  # a page may register cells of its own
            devices.unregister(cell)


def _run(page: Path, chosen: list[Block], folder: Path, names: dict[str, Any]) -> None:
    for block in chosen:
        where = f"{page.relative_to(ROOT)}, line {block.line}"
        if block.file is not None:
            (folder / block.file).write_text(block.text, "utf-8")
        elif block.language == "python":
            exec(compile("\n" * block.line + block.text, where, "exec"), names)
        elif block.language == "sh":
            done = subprocess.run(["sh", "-e", "-c", block.text], capture_output=True, text=True)
            assert done.returncode == 0, f"{where}: exit code {done.returncode}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", QUICK, ids=lambda page: page.stem)
def test_the_quick_blocks_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(page, runnable(page, slow=False), tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW, ids=lambda page: page.stem)
def test_all_blocks_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(page, runnable(page, slow=True), tmp_path, monkeypatch)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_fence_is_of_a_known_kind(page: Path) -> None:
    found = list(blocks(page))
    assert 2 * len(found) == len(re.findall(r"^ *```", page.read_text("utf-8"), re.M))
    for block in found:
        assert re.fullmatch(r"|slow|no-test: .{10,}", block.mark), f"line {block.line}: {block.mark!r}"
        assert block.language in ("sh", "python", "toml", "text"), f"line {block.line}: {block.language}"
        assert block.language != "toml" or block.file, f"line {block.line}: a TOML block names its file"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_memsim_line_is_understood_by_the_command_line(page: Path) -> None:
    for line in (line for block in blocks(page) for line in block.commands):
        if line.startswith("memsim "):
            name, *arguments = shlex.split(line)[1:]
            COMMANDS[name].make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_and_path_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    links = {page.parent / link for link in re.findall(r"\]\(([^)#:]+)\)", text)}
    rooms = r"`((?:devices|memsim|models|studies|tests|docs)/[\w./-]*)`"
    paths = links | {ROOT / path for path in re.findall(rooms, text)}
    assert [str(path) for path in paths if not path.exists()] == []


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", index)) == {page.name for page in PAGES} - {"README.md"}


@pytest.mark.parametrize(
    "block", [Block("sh", "", 1, "memsim devices rust-om\ntrue\n"), Block("python", "", 1, "assert 1 == 2\n")]
)
def test_a_broken_block_would_be_found(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        run(ROOT / "docs" / "broken.md", [block], tmp_path, monkeypatch)
