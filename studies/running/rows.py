"""Rows: one JSON line for each task that was measured or failed, in a file that only ever grows.

A row carries its task whole (``id``, ``study``, ``labels``, ``shared``, ``own``), a ``result`` (``per_chip``,
``total``, ``series``) or a ``failure``, the version of memsim that measured it (``code`` is a digest of its
source text, ``with`` has the versions of the packages that numbers come from), and a check sum: a line that
was cut off by a kill or damaged on the disk is skipped, never believed.  Several runs may append to one file.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import IO, Any, final

import memsim
from memsim.studies.evaluation.result import KEYS, Result
from memsim.studies.running.task import Task

FORMAT = "memsim-row-2"
VERSION = metadata.version("memsim")
FILE = "rows.jsonl"

PACKAGES = ("torch", "numpy", "numba", "scipy", "aihwkit")
"""Packages whose version can move a number of a result."""

SHOWN = ("reports", "commands", "speed", "cli.py")
"""Parts of studies that show results and measure speed: they change no number of a row."""

Row = dict[str, Any]
Say = Callable[[str], None]


@cache
def to_stderr(message: str) -> None:
    """A line for the person at the keyboard, once: a damaged row is read by more than one."""
    print(f"memsim: {message}", file=sys.stderr)


@cache
def code() -> str:
    """Sixteen hex digits of the source text that results come from: of one version it may be changed."""
    return code_of(Path(memsim.__file__).parent)


def code_of(root: Path) -> str:
    """Sixteen hex digits of every .py and .toml file of a package memsim that can change a number: all but
    those in SHOWN.  The same in a checkout, where rooms are links, and in an installed wheel.
    """
    files = [Path(at, file) for at, _, found in os.walk(root, followlinks=True) for file in found]
    chosen = sorted(f.relative_to(root).as_posix() for f in files if f.suffix in (".py", ".toml"))
    whole = sha256()
    for name in chosen:
        if not name.startswith(tuple(f"studies/{part}" for part in SHOWN)):
            text = (root / name).read_bytes()
            whole.update(f"{name} {len(text)}\n".encode() + text)
    return whole.hexdigest()[:16]


@cache
def packages() -> dict[str, str]:
    """The versions of the packages numbers come from; one that is not installed is absent."""
    found = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def row(task: Task, outcome: Mapping[str, Any]) -> Row:
    """The row of a task; outcome: ``result`` or ``failure``, and ``wall_time [s]``."""
    head = {"format": FORMAT, "memsim": VERSION, "code": code(), "with": packages()}
    whole = {
        "id": task.id,
        "study": task.study,
        "labels": task.labels,
        "shared": task.shared,
        "own": task.own,
    }
    return head | whole | dict(outcome)


def plain(result: Any, chips: int | None = None) -> dict[str, Any]:
    """A result as JSON gives it back; ValueError naming the key of what is no JSON, NaN and infinity too, and
    for another thing than a Result, or columns of another number of chips than the task's.
    """
    if not isinstance(result, Result):
        raise ValueError(
            f"measure gave {type(result).__name__}, not a Result: return Result({KEYS}), from "
            "memsim.studies.evaluation.result; docs/new-study.md has an example"
        )
    if None not in (chips, result.chips) and chips != result.chips:
        raise ValueError(
            f"result per_chip: columns of {result.chips} values for {chips} chip{'s' * (chips != 1)}; the "
            'chips are those that the task\'s shared["chips"] names'
        )
    fields = result.json()
    try:
        return json.loads(json.dumps(fields, allow_nan=False))
    except (ValueError, TypeError, RecursionError):
        key, what = next(_offences(fields, ""), ("", "something"))
        raise ValueError(f"result {key or 'as a whole'}: {what} cannot be kept as a number or text") from None


def _offences(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Key and name of each value that JSON has no word for."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(name, (str, int, float, bool, type(None))):
                yield f"{key}.{name}".lstrip("."), f"a key of type {type(name).__name__}"
            yield from _offences(inner, f"{key}.{name}".lstrip("."))
    elif isinstance(value, (list, tuple)):
        for place, inner in enumerate(value):
            yield from _offences(inner, f"{key}[{place}]")
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield key, str(value)
    elif not isinstance(value, (str, int, bool, type(None))):
        yield key, f"a {type(value).__name__}"


def encode(row: Row) -> bytes:
    """A row as its line."""
    fields = json.loads(json.dumps(row, allow_nan=False))  # as a reader will see it
    return json.dumps(fields | {"check": _check(fields)}).encode() + b"\n"


def _check(fields: Row) -> str:
    """CRC-32 of the canonical JSON of a row without its check, eight hex digits."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{zlib.crc32(text.encode()):08x}"


def _decode(line: bytes, place: str) -> Row | None:
    """The row of a line, None where it is damaged; ValueError for one of another format or version."""
    try:
        found = json.loads(line)
        if not isinstance(found, dict):
            return None
        whole = found.pop("check", None) == _check(found)
    except (ValueError, RecursionError):
        return None
    for what, ours, shape in (("format", FORMAT, r"memsim-row-\d+"), ("memsim", VERSION, r"\d+(\.\d+)+\S*")):
        theirs = found.get(what)
        if theirs != ours and (whole or re.fullmatch(shape, str(theirs))):
            raise ValueError(
                f"{place} was written as {what} {theirs}, this is {what} {ours}: their numbers do not mix; "
                "choose another folder with --out, or go on with the version that began this one"
            )
    shaped = isinstance(found.get("id"), str) and ("result" in found) != ("failure" in found)
    return found if whole and shaped else None


def _scan(file: IO[bytes], line: int, say: Say) -> Iterator[tuple[int, bytes, Row | None]]:
    """Every line from where the file stands: where it begins, itself, and its row or None.

    line: how many were read before.  Nothing is said of a last line without its end: it may be on its way.
    """
    start = file.tell()
    while text := file.readline():
        line += 1
        place = f"{file.name}, line {line}"
        found = _decode(text, place)
        if found is None and text.endswith(b"\n") and text.strip():
            say(f"{place} is damaged or was cut off: skipped; its task runs again unless another row has it")
        yield start, text, found
        start += len(text)


def read(path: str | Path, say: Say = to_stderr) -> Iterator[Row]:
    """One row for each task in the file (or the folder it lies in), without holding them all.

    The first result of a task counts, and its last failure where there is no result; these come at the end.
    ValueError for rows of another version; OSError for a file that cannot be read.
    """
    path = Path(path) / FILE if Path(path).is_dir() else Path(path)
    done: set[str] = set()
    failures: dict[str, int] = {}
    with path.open("rb") as file:
        for start, _, found in _scan(file, 0, say):
            if found is None or found["id"] in done:
                continue
            if "result" in found:
                done.add(found["id"])
                failures.pop(found["id"], None)
                yield found
            else:
                failures[found["id"]] = start
        for start in failures.values():
            file.seek(start)
            found = _decode(file.readline(), str(path))
            if found is not None:
                yield found


@final
class Store:
    """The file of rows, open for appending; ``done`` are the ids that have a result, by whichever run."""

    def __init__(self, path: str | Path, say: Say = to_stderr) -> None:
        """Open or make the file and look through it; OSError or ValueError says why it cannot be used."""
        self.path, self.done = Path(path), set[str]()
        self._say, self._seen, self._lines = say, 0, 0
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise OSError(f"{self.path} cannot be written: {error.strerror}; see --out") from None
        try:
            self.refresh()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; no more can be appended."""
        os.close(self._descriptor)

    def append(self, row: Row) -> None:
        """Write a row as one line, wholly or not at all; OSError where the disk is full or fails."""
        line = encode(row)
        with self._locked(fcntl.LOCK_EX):
            size = os.fstat(self._descriptor).st_size
            cut_off = size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"
            try:
                _write(self._descriptor, b"\n" + line if cut_off else line)
            except BaseException as error:
                os.ftruncate(self._descriptor, size)
                if not isinstance(error, OSError):
                    raise
                raise OSError(
                    f"{self.path}: {error.strerror}; the {len(self.done)} results before are safe: make room "
                    "on the disk and give the same command again, it goes on from there"
                ) from None
        if size == self._seen:  # nobody else wrote since: this row need not be read again
            self._seen, self._lines = size + len(line), self._lines + 1
        if "result" in row:
            self.done.add(row["id"])

    def refresh(self) -> None:
        """Take note of the rows that were appended since the last look, by whichever run."""
        if os.fstat(self._descriptor).st_size <= self._seen:
            return
        with self._locked(fcntl.LOCK_SH):  # nobody is in the middle of a line
            size = os.fstat(self._descriptor).st_size
        with self.path.open("rb") as file:
            file.seek(self._seen)
            for start, text, found in _scan(file, self._lines, self._say):
                if start + len(text) > size or not text.endswith(b"\n"):
                    break  # a line that was cut off counts when an end was put to it
                if found is not None and "result" in found:
                    self.done.add(found["id"])
                self._seen, self._lines = start + len(text), self._lines + 1

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        try:
            fcntl.flock(self._descriptor, kind)
        except OSError as error:
            raise OSError(f"{self.path} cannot be locked: {error.strerror}; choose a local folder") from None
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)


def _write(descriptor: int, line: bytes) -> None:
    """Write all of it: in one go, unless the disk fills up on the way and the next go says so."""
    while line:
        line = line[os.write(descriptor, line) :]
