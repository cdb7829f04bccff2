"""Files that are written whole or not at all, and folders known to take them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def writable(folder: Path) -> Path:
    """Make the folder if need be and see that it takes files; OSError naming it before any work is done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"cannot write to folder {folder}: {error.strerror}; choose another with --out"
        ) from None
    return folder


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all; OSError that names it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}") from None
