"""Rows of a training as JSON lines, one for each epoch: read while it runs, plotted, kept."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def write_rows(path: str | Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write all rows (beside, then renamed): a reader never meets half a line, a resumed training no row
    twice.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """Read the rows of a file made by `write_rows`."""
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
