"""Imports point one way: devices <- memsim <- models <- studies, and nothing imports tests."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("devices", "memsim", "models", "studies")
HANDS = {"click", "jinja2", "rich", "typer"}
"""What studies adds for the person at the keyboard, and what therefore stays there."""


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, top-level package) for every absolute import, importlib.import_module("...") included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.lineno, node.module.split(".")[0]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                yield node.lineno, str(node.args[0].value).split(".")[0]


def forbidden(room: str) -> set[str]:
    """Return the packages this room must not import."""
    later = set(ROOMS[ROOMS.index(room) + 1 :]) | {"tests"}
    return later if room == "studies" else later | HANDS


def offences(room: str, source: str) -> list[str]:
    return [f"line {line}: {name}" for line, name in imported(source) if name in forbidden(room)]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_before_it(room: str) -> None:
    found = {path.relative_to(ROOT): path.read_text("utf-8") for path in sorted((ROOT / room).rglob("*.py"))}
    assert found, f"{room}/ holds no Python file"
    wrong = {str(path): offences(room, source) for path, source in found.items()}
    assert {path: lines for path, lines in wrong.items() if lines} == {}


def test_device_models_of_aihwkit_stay_out_of_the_networks() -> None:
    for path in sorted((ROOT / "models").rglob("*.py")):
        assert "aihwkit" not in {name for _, name in imported(path.read_text("utf-8"))}, path


def test_no_room_hides_a_module_of_the_standard_library() -> None:
    assert not set(ROOMS) & set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("devices", "import memsim"),
        ("devices", "from memsim.card import ChipCard"),
        ("memsim", "def late():\n    from models import build"),
        ("memsim", "import typer"),
        ("models", "if True:\n    import studies.cli as cli"),
        ("models", 'import importlib\nimportlib.import_module("studies.cli")'),
        ("studies", "from tests.statistics import assert_mean"),
    ],
)
def test_an_import_against_the_direction_is_found(room: str, source: str) -> None:
    assert len(offences(room, source)) == 1


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("memsim", "import devices"),
        ("models", "from memsim import ChipCard"),
        ("memsim", "from . import models"),
    ],
)
def test_an_import_along_the_direction_is_allowed(room: str, source: str) -> None:
    assert offences(room, source) == []
