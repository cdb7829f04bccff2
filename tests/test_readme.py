"""What README tells people to type exists: make's targets, memsim's commands and options, paths."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from memsim.studies.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SHELL = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in block.splitlines()
]
MEMSIM = sorted({line for line in SHELL if line.startswith(".venv/bin/memsim ")})
COMMANDS = get_command(app).commands


def targets() -> set[str]:
    """Return what the Makefile declares phony: its targets for people."""
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert phony, "the Makefile declares no .PHONY targets"
    return set(phony[1].split())


def test_readme_and_makefile_know_the_same_targets() -> None:
    written = {word for call in re.findall(r"(?:^|`)make ([^`#\n]*)", README, re.M) for word in call.split()}
    assert {word for word in written if "=" not in word} == targets() - {"help"}


def test_the_first_block_is_the_two_commands() -> None:
    assert [line for line in SHELL if line][:2] == ["make demo", "make test"]


@pytest.mark.parametrize("line", MEMSIM)
def test_every_memsim_line_is_understood_by_the_command_line(line: str) -> None:
    name, *arguments = shlex.split(line)[1:]
    COMMANDS[name].make_context(name, arguments)


def test_a_wrong_option_would_be_found() -> None:
    with pytest.raises(Exception, match="No such option: --atention"):
        COMMANDS["compare"].make_context("compare", ["--atention", "ideal"])


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`([\w.]+/[\w./]*)`", README)) - {"demo/report.html"})
)
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("example", re.findall(r"```python\n(.*?)```", README, re.S))
def test_the_python_examples_run(example: str) -> None:
    names: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec"), names)
    assert names["logits"].shape == (8, 32, 10)
    assert names["logits"].isfinite().all()
    assert names["chip"].ledger.breakdown()["ADC"] > 0
