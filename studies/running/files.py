"""Files that are written whole or not at all, and folders known to take them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def writable(folder: Path, option: str = "--out") -> Path:
    """Make the folder if need be and see that it takes files; OSError before any work is done, naming it and
    the option that chooses another.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"cannot write to folder {folder}: {error.strerror}; choose another with {option}"
        ) from None
    return folder


@contextmanager
def taken(folder: Path | None, option: str = "--out") -> Iterator[None]:
    """Make a folder as `writable` does; where the work inside fails, remove what was made, if it is empty.

    None: nothing is to be written.
    """
    if folder is None:
        yield
        return
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        writable(folder, option)
        yield
    except BaseException:
        with suppress(OSError):  # of a folder that holds something by now
            for path in made:
                path.rmdir()
        raise


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all, though power fails meanwhile; OSError that names it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            write_synced(partial, text.encode())
            partial.replace(path)
            sync_folder(path.parent)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}") from None


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    path.write_bytes(content)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can say so."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
