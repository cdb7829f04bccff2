"""The file of rows, open for appending: rows whole or not at all, on the disk before power can fail."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import final

from memsim.studies.running.files import sync_folder
from memsim.studies.running.rows import Row, Say, encode, scan, to_stderr

SYNC_SHARE = 0.02
"""Most of a run's time that may go into waiting for the disk (fsync)."""


@final
class Store:
    """The file of rows, open for appending; ``done`` are the ids that have a result, by whichever run.

    A row is on the disk (fsync) when ``append`` returns, or where that would take more than SYNC_SHARE of the
    time since the file was opened, with one of the next rows, ``sync`` or ``close``.
    """

    def __init__(self, path: str | Path, say: Say = to_stderr) -> None:
        """Open or make the file and look through it; OSError or ValueError says why it cannot be used."""
        self.path, self.done = Path(path), set[str]()
        self._say, self._seen, self._lines = say, 0, 0
        self._began, self._waited, self._last, self._loose = monotonic(), 0.0, 0.0, False
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise OSError(f"{self.path} cannot be written: {error.strerror}; see --out") from None
        try:
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                raise OSError(f"{self.path} cannot be written: it is no file; see --out")
            sync_folder(self.path.parent)
            self.refresh()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, all of it on the disk; no more can be appended."""
        try:
            self.sync(now=True)
        finally:
            os.close(self._descriptor)

    def sync(self, *, now: bool = False) -> None:
        """Let the rows written so far reach the disk, unless that is dear and need not be now; OSError where
        the disk fails.
        """
        budget = SYNC_SHARE * (monotonic() - self._began) - self._waited
        if not self._loose or (self._last > budget and not now):
            return
        start = monotonic()
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise OSError(f"{self.path}: rows do not reach the disk: {error.strerror}") from None
        self._last, self._loose = monotonic() - start, False
        self._waited += self._last

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
                    f"{self.path}: {error.strerror}; the {len(self.done)} earlier results are stored: free "
                    "space on the disk and give the same command again to continue"
                ) from None
        if size == self._seen:  # nobody else wrote since: this row need not be read again
            self._seen, self._lines = size + len(line), self._lines + 1
        if "result" in row:
            self.done.add(row["id"])
        self._loose = True
        self.sync()

    def refresh(self) -> None:
        """Take note of the rows that were appended since the last look, by whichever run."""
        if os.fstat(self._descriptor).st_size <= self._seen:
            return
        with self._locked(fcntl.LOCK_SH):  # nobody is in the middle of a line
            size = os.fstat(self._descriptor).st_size
        with self.path.open("rb") as file:
            file.seek(self._seen)
            for start, text, found in scan(file, self._lines, self._say):
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
