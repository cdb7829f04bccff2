"""Formats of recordings, by name: one file each, found by the ending of a file and its first bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from memsim.models.datasets.damage import readable
from memsim.models.datasets.events.recording import Events, Size

Reader = Callable[[Path, Size | None], Events]
R = TypeVar("R", bound=Reader)
FILES = ("n_mnist", "aedat3", "aedat2", "spikingjelly", "tonic")


@dataclass(frozen=True)
class EventFormat:
    """A format: its name, the ending and the first bytes of its files, and what reads one."""

    name: str
    suffix: str
    begins: bytes
    read: Reader


_formats: dict[str, EventFormat] = {}


def event_format(name: str, *, suffix: str, begins: bytes = b"") -> Callable[[R], R]:
    """Register a reader (path, sensor or None) -> Events of files with an ending and first bytes."""

    def register(reader: R) -> R:
        _formats[name] = EventFormat(name, suffix, begins, reader)
        return reader

    return register


def event_formats() -> dict[str, EventFormat]:
    """Return the formats by name."""
    for file in FILES:
        import_module(f"memsim.models.datasets.events.{file}")
    return dict(_formats)


def read(path: str | Path, *, sensor: Size | None = None, format: str | None = None) -> Events:
    """Read one recording; its format is found by the ending and the first bytes, or named.

    sensor: (height, width), for the formats that do not say it (.npz, .npy); it overrules those that do.
    ValueError, naming the file, when it is not there, empty, truncated, damaged or of no known format.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"recording {path}: no such file")
    found = event_formats()
    if format is not None and format not in found:
        raise ValueError(f"no format {format!r} of events; there are {', '.join(found)}")
    with readable("recording", path):
        return (_of(path, found) if format is None else found[format]).read(path, sensor)


def _of(path: Path, found: dict[str, EventFormat]) -> EventFormat:
    """Return the format of a file."""
    suffix = path.suffix.lower()
    same = [one for one in found.values() if one.suffix == suffix]
    if not same:
        known = ", ".join(f"{one.name} ({one.suffix})" for one in found.values())
        raise ValueError(f"recording {path}: no format ends in {suffix!r}; there are {known}")
    with open(path, "rb") as file:
        head = file.read(max(len(one.begins) for one in same))
    if not head and any(one.begins for one in same):
        raise ValueError(f"recording {path} is empty (0 bytes)")
    for one in same:
        if head.startswith(one.begins):
            return one
    wanted = " or ".join(repr(one.begins.decode()) for one in same)
    raise ValueError(f"recording {path} begins with {head!r}, a {suffix} file begins with {wanted}")
