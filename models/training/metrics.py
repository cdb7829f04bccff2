"""Metrics of a training as a file of JSON lines, one for each epoch, which can be read while it runs."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def write_rows(path: str | Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write all rows to a file in one atomic step, so that readers never see an incomplete line."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """Read the rows of a file written by `write_rows`."""
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
