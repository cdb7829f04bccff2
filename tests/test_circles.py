"""No two folders, and no two files, of memsim import one another, over however many others."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = ("evaluation", "running", "reports", "seeing", "library", "commands")
"""Folders of studies: each imports only those before it; speed is imported by commands alone."""

FILES = {
    path.relative_to(ROOT).with_suffix("").parts: path
    for room in ("memsim", "studies")
    for path in sorted((ROOT / room).rglob("*.py"))
}

NAMES = {".".join(parts).removesuffix(".__init__"): parts for parts in FILES if parts[1:] != ("__init__",)}
"""Files by the name they are imported under; a package stands for its ``__init__``."""


def imported(path: Path) -> Iterator[tuple[str, ...]]:
    """Every module of ours that a file imports: at its top, inside a function, or for types alone."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            given = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            given = [one if _ours(one) in NAMES else node.module for one in whole]
        else:
            continue
        yield from (NAMES[_ours(one)] for one in given if _ours(one) in NAMES)


def _ours(module: str) -> str:
    """A module as its file lies: memsim.studies.x is studies.x, memsim.energy.x stays."""
    return module.removeprefix("memsim.") if module.startswith("memsim.studies") else module


def circle(arrows: Mapping[str, set[str]]) -> list[str]:
    """One circle of a graph, its first place named again at the end; [] where there is none."""
    done: set[str] = set()

    def walk(at: str, way: list[str]) -> list[str]:
        if at in way:
            return [*way[way.index(at) :], at]
        if at in done:
            return []
        for other in sorted(arrows.get(at, ())):
            if found := walk(other, [*way, at]):
                return found
        done.add(at)
        return []

    return next((found for start in sorted(arrows) if (found := walk(start, []))), [])


def arrows(room: str, *, folders: bool) -> dict[str, set[str]]:
    """What imports what in a room, by folder or by file; a file beside the folders stands for itself."""

    def place(parts: tuple[str, ...]) -> str:
        return "/".join(parts[:-1] if folders and len(parts) > 2 else parts)

    out: dict[str, set[str]] = {}
    for parts, path in FILES.items():
        if parts[0] == room and parts[1:] != ("__init__",):
            found = {place(other) for other in imported(path) if other[0] == room}
            out.setdefault(place(parts), set()).update(found - {place(parts)})
    return out


@pytest.mark.parametrize(
    ("room", "folders"),
    [
        ("memsim", True),
        ("memsim", False),
        ("studies", True),
        ("studies", False),
    ],
)
def test_there_is_no_circle(room: str, folders: bool) -> None:
    found = arrows(room, folders=folders)
    assert len(found) > 5
    assert circle(found) == []


def test_folders_of_studies_stand_in_an_order() -> None:
    found = arrows("studies", folders=True)
    for place, folder in enumerate(ORDER):
        later = {f"studies/{other}" for other in ORDER[place + 1 :]} | {"studies"}
        later |= set() if folder == "commands" else {"studies/speed"}
        assert found[f"studies/{folder}"] & later == set(), folder


def test_a_circle_is_found_however_long() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []
