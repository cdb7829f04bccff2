"""Imports point one way: devices <- memsim <- models <- studies, and nothing imports tests."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("devices", "memsim", "models", "studies")
HANDS = {"click", "jinja2", "rich", "typer"}
"""What studies adds for the person at the keyboard, and what therefore stays there."""


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, room or package) for every absolute import, importlib.import_module("...") included.

    `memsim.models.x` and `from memsim import models` are of the room models.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, room_of(alias.name)) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "memsim":
            yield from ((node.lineno, room_of(f"memsim.{alias.name}")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.lineno, room_of(node.module)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                yield node.lineno, room_of(str(node.args[0].value))


def room_of(module: str) -> str:
    """Return the room of a dotted name: its top-level package, or the folder of memsim that is a room."""
    first, _, rest = module.partition(".")
    inner = rest.partition(".")[0]
    return inner if first == "memsim" and inner in ROOMS else first


def forbidden(room: str) -> set[str]:
    """Return the packages this room must not import."""
    later = set(ROOMS[ROOMS.index(room) + 1 :]) | {"tests"}
    return later if room == "studies" else later | HANDS


def offences(room: str, source: str) -> list[str]:
    return [f"line {line}: {name}" for line, name in imported(source) if name in forbidden(room)]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_before_it(room: str) -> None:
    found = {path.relative_to(ROOT): path.read_text("utf-8") for path in sorted((ROOT / room).rglob("*.py"))}
    found.pop(Path("memsim/__init__.py"), None)  # the package itself, which names all rooms and imports none
    assert found, f"{room}/ holds no Python file"
    wrong = {str(path): offences(room, source) for path, source in found.items()}
    assert {path: lines for path, lines in wrong.items() if lines} == {}


def test_device_models_of_aihwkit_stay_out_of_the_networks() -> None:
    for path in sorted((ROOT / "models").rglob("*.py")):
        assert "aihwkit" not in {name for _, name in imported(path.read_text("utf-8"))}, path


def test_only_memsim_is_imported_by_name() -> None:
    """A room stands in the package: as a top-level name it would meet a user's own `models/`."""
    for path in (p for room in (*ROOMS, "tests") for p in sorted((ROOT / room).rglob("*.py"))):
        text = path.read_text("utf-8")
        found = re.findall(r"^\s*(?:from|import) (devices|models|studies)\b", text, re.M)
        assert found == [], path


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("devices", "import memsim"),
        ("devices", "from memsim.card.chip_card import ChipCard"),
        ("devices", "from memsim import ChipCard"),
        ("memsim", "def late():\n    from memsim.models import build"),
        ("memsim", "from memsim import studies"),
        ("memsim", "import typer"),
        ("models", "if True:\n    import memsim.studies.cli as cli"),
        ("models", 'import importlib\nimportlib.import_module("memsim.studies.cli")'),
        ("studies", "from tests.statistics import assert_mean"),
    ],
)
def test_an_import_against_the_direction_is_found(room: str, source: str) -> None:
    assert len(offences(room, source)) == 1


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("memsim", "from memsim import devices"),
        ("devices", "from memsim.devices.cell import Cell"),
        ("models", "from memsim import ChipCard"),
        ("memsim", "from . import models"),
    ],
)
def test_an_import_along_the_direction_is_allowed(room: str, source: str) -> None:
    assert offences(room, source) == []
