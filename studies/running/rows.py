"""Rows: one JSON line for each task that was measured or failed, in a file that only ever grows.

A row carries its task whole (``id``, ``study``, ``labels``, ``shared``, ``own``), a ``result`` (``per_chip``,
``total``, ``series``) or a ``failure``, the version of memsim that measured it (``code`` is a digest of its
source text, ``with`` has the versions of the packages that numbers come from), and a check sum: a line that
was cut off by a kill or damaged on the disk is skipped, never believed.  Several runs may append to one file.
"""

from __future__ import annotations

import json
import math
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from types import NoneType
from typing import IO, Any

from memsim.studies.evaluation.result import KEYS, Result, flat, is_number
from memsim.studies.running.source import VERSION, source
from memsim.studies.running.task import Task

FORMAT = "memsim-row-2"
FILE = "rows.jsonl"
PARTS = ("per_chip", "total", "series")  #: of a result
MOST = sys.float_info.max  #: of a number in a row: larger whole numbers are none of a float

Row = dict[str, Any]
Say = Callable[[str], None]


@cache
def to_stderr(message: str) -> None:
    """A line for the person at the keyboard, once: a damaged row is read by more than one."""
    print(f"memsim: {message}", file=sys.stderr)


def row(task: Task, outcome: Mapping[str, Any]) -> Row:
    """The row of a task; outcome: ``result`` or ``failure``, ``wall_time [s]``, and the source of the worker,
    where it told it: it goes before that of this process.
    """
    head = {"format": FORMAT, **source()}
    whole = {
        "id": task.id,
        "study": task.study,
        "labels": task.labels,
        "shared": task.shared,
        "own": task.own,
    }
    return head | whole | dict(outcome)


def plain(result: Any, chips: int | None = None) -> dict[str, Any]:
    """Return a result as JSON gives it back; ValueError naming the key of what is no JSON, NaN and infinity
    too, and for another thing than a Result, or columns of another number of chips than the task's.
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
    for key, value in flat(result.total).items():
        if isinstance(value, int) and not _fits(value):
            raise ValueError(
                f"result total.{key}: a whole number above {MOST:.0e} cannot be kept as a number"
            )
    try:
        return json.loads(json.dumps(fields, allow_nan=False))
    except (ValueError, TypeError, RecursionError):
        key, what = next(_offences(fields, ""), ("", "something"))
        raise ValueError(f"result {key or 'as a whole'}: {what} cannot be kept as a number or text") from None


def _offences(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield the key and name of each value that JSON has no word for."""
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
    """Return a row as its line."""
    fields = json.loads(json.dumps(row, allow_nan=False))  # as a reader will see it
    return json.dumps(fields | {"check": _check(fields)}).encode() + b"\n"


def _check(fields: Row) -> str:
    """CRC-32 of the canonical JSON of a row without its check, eight hex digits."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{zlib.crc32(text.encode()):08x}"


def _decode(line: bytes, place: str) -> Row | None:
    """Return the row of a line, None where it is damaged; ValueError for one of another format or version."""
    try:
        found = json.loads(line)
        if not isinstance(found, dict):
            return None
        whole = found.pop("check", None) == _check(found)
    except (ValueError, RecursionError):
        return None
    if not whole:
        return None
    for what, ours in (("format", FORMAT), ("memsim", VERSION)):
        theirs = found.get(what)
        if theirs != ours:
            raise ValueError(
                f"{place} was written with {what} {theirs!s:.60}, this is {what} {ours}: their numbers must "
                "not be mixed; choose another folder with --out, or continue with the version that began "
                "this one"
            )
    return found if _shaped(found) else None


def _shaped(row: Row) -> bool:
    """Return whether a row has all that its readers take for granted."""
    outcome: Any = row.get("result", row.get("failure"))
    tables = [row.get(name) for name in ("labels", "shared", "own", "with")] + [outcome]
    if not all(isinstance(table, dict) for table in tables) or ("result" in row) == ("failure" in row):
        return False
    texts = [row.get("id"), row.get("study")] + ([] if "result" in row else [outcome.get("error")])
    if not all(isinstance(text, str) for text in texts) or not _fits(row.get("wall_time [s]", 0.0)):
        return False
    task = {name: row[name] for name in ("study", "labels", "shared", "own")}
    if Task(**task).id != row["id"]:
        return False
    return "failure" in row or _measured(outcome, row["shared"].get("chips", [0]))


def _measured(result: Mapping[str, Any], chips: Any) -> bool:
    """Return whether a result has numbers under its headings, a value for each chip in each column."""
    if not isinstance(chips, list) or not all(isinstance(result.get(part), dict) for part in PARTS):
        return False
    try:
        found = Result(**result)
    except (TypeError, ValueError):
        return False
    columns = [*found.per_chip.values(), *found.series.values()]
    total = [value for value in flat(found.total).values() if not isinstance(value, (str, dict, NoneType))]
    return found.chips in (None, len(chips)) and all(map(_fits, [*chain(*columns), *total]))


def _fits(value: Any) -> bool:
    """Return whether a value is a number that means and sums can be taken of."""
    return isinstance(value, bool) or (is_number(value) and abs(value) <= MOST)


def scan(file: IO[bytes], line: int, say: Say) -> Iterator[tuple[int, bytes, Row | None]]:
    """Yield every line from where the file stands: where it begins, itself, and its row or None.

    line: how many were read before.  Nothing is said of a last line without its end: it may be on its way.
    """
    start = file.tell()
    while text := file.readline():
        line += 1
        place = f"{file.name}, line {line}"
        found = _decode(text, place)
        if found is None and text.endswith(b"\n") and text.strip():
            what = "is damaged, was cut off or contradicts itself"
            say(f"{place} {what}: skipped; its task runs again unless another row has it")
        yield start, text, found
        start += len(text)


def read(path: str | Path, say: Say = to_stderr) -> Iterator[Row]:
    """Yield one row for each task in the file (or the folder it lies in), without holding them all.

    The first result of a task counts, and its last failure where there is no result; these come at the end.
    ValueError for rows of another version; OSError for a file that cannot be read.
    """
    path = Path(path) / FILE if Path(path).is_dir() else Path(path)
    done: set[str] = set()
    failures: dict[str, int] = {}
    if not path.is_file():
        raise OSError(f"{path} is no file of rows")
    with path.open("rb") as file:
        for start, _, found in scan(file, 0, say):
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
