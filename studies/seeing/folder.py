"""A folder of figures and numbers that is written whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from memsim.studies.reports.figure_style import png, svg

NUMBERS = "see.json"


def check_new(folder: Path) -> None:
    """Raise OSError where a folder cannot be made anew: it, or a file of its name, holds something."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists():
        what = "is not empty" if folder.is_dir() else "is a file"
        raise OSError(f"--out {folder} {what}; name a new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent):
            pass
    except OSError as error:
        raise OSError(f"cannot write to folder {folder}: {error.strerror}; choose another --out") from None


def write(folder: Path, numbers: Mapping[str, Any], figures: Mapping[str, Figure]) -> list[Path]:
    """Write NUMBERS and each figure as NAME.png and NAME.svg; returns the files.  The folder comes whole, or
    nothing does.
    """
    check_new(folder)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        (made / NUMBERS).write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        for name, figure in figures.items():
            (made / f"{name}.png").write_bytes(png(figure))
            (made / f"{name}.svg").write_text(svg(figure), encoding="utf-8")
        made.chmod(0o755)
        made.replace(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return sorted(folder.iterdir())
