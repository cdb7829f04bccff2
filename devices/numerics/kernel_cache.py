"""Compiled kernels on the disk: kept by the text they were made of, and never believed where it is damaged.

Numba compares a kernel's own file only, trusts what it reads, and fails where nothing can be written.  Here a
kernel is known by the text of its file and of every file of memsim that this one imports; each file has a
digest (SHA-256), and what is damaged is compiled again; where neither the package's folder nor the user's
takes files, kernels lie in a folder of the user's own among the temporary ones, or are not kept.
"""

from __future__ import annotations

import getpass
import os
import pickle
import re
import stat
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, final

from numba import config, njit
from numba.core import caching

ROOT = Path(__file__).parents[2]  #: folder of the package memsim
IMPORT = re.compile(r"^\s*from memsim([\w.]*) import (?:\(([^)]*)\)|(.*))$", re.MULTILINE)
DIGEST = sha256().digest_size
REMEDY = "name a folder that takes files, and has 100 MB, by the environment variable NUMBA_CACHE_DIR."


def compiled(**options: Any) -> Callable[[Any], Any]:
    """Return numba's decorator `njit` of these options, with the cache of this file.

    No kernel is called from C: without that entry, which has the body once more, compiling takes 5 % less.
    """

    chosen: dict[str, Any] = {**options, "no_cfunc_wrapper": True}

    def decorator(function: Any) -> Any:
        kernel: Any = njit(**chosen)(function)
        try:
            kernel._cache = KernelCache(function)
        except RuntimeError:  # no folder takes files: compiled at every start
            _warn("no folder takes them")
        return kernel

    return decorator


@cache
def source_stamp(source: Path) -> str:
    """Return the digest of a file's text and of all files of memsim that it imports, directly or not."""
    found, next_ones = {source}, [source]
    while next_ones:
        new = _imported(next_ones.pop()) - found
        found |= new
        next_ones += new
    return sha256(b"".join(sorted(sha256(path.read_bytes()).digest() for path in found))).hexdigest()


@cache
def _imported(source: Path) -> frozenset[Path]:
    """Files of memsim that a file names in its `from ... import`."""
    found = set[Path]()
    for line in IMPORT.finditer(source.read_text("utf-8")):
        module = ROOT.joinpath(*line[1].split(".")[1:])
        names = re.findall(r"\w+", line[2] or line[3])
        found |= {module.with_suffix(".py"), *(module / f"{name}.py" for name in names)}
    return frozenset(path for path in found if path.is_file() and path.stem != "kernel_cache")


@final
class TemporaryLocator(caching.UserProvidedCacheLocator):
    """A folder among the temporary ones that nobody but this user can write: unpickling runs code."""

    def get_cache_path(self) -> str:
        return str(temporary_folder())

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        locator = object.__new__(cls)
        locator._py_file, locator._lineno = py_file, py_func.__code__.co_firstlineno
        return locator if _private(temporary_folder()) else None


def temporary_folder() -> Path:
    """Where kernels lie that have no other place."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no name in a container
        user = str(os.getuid())
    return Path(tempfile.gettempdir()) / f"memsim-kernels-{user}"


def _private(folder: Path) -> bool:
    """Make the folder; whether it is this user's alone and takes files."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o077


@final
class KernelFiles(caching.IndexDataCacheFile):
    """Index and machine code of a kernel, each behind its digest."""

    def _load_index(self) -> dict[Any, str]:
        try:
            version, stamp, overloads = pickle.loads(checked(Path(self._index_path)))
        except (OSError, ValueError, TypeError):  # none yet, damaged, or written by numba itself
            return {}
        return overloads if (version, stamp) == (self._version, self._source_stamp) else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, (self._version, self._source_stamp, overloads))

    def _load_data(self, name: str) -> Any:
        return pickle.loads(checked(Path(self._data_path(name))))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _write(self, path: str, content: Any) -> None:
        text = self._dump(content)
        with self._open_for_write(path) as file:
            file.write(sha256(text).digest() + text)


def checked(path: Path) -> bytes:
    """Return what a file of the cache holds; OSError where it is damaged or cannot be read."""
    text = path.read_bytes()
    if sha256(text[DIGEST:]).digest() != text[:DIGEST]:
        raise OSError(f"{path} is damaged")
    return text[DIGEST:]


@final
class KernelPlace(caching.CompileResultCacheImpl):
    """Where a kernel is kept: the first folder that takes files."""

    _locator_classes = (*caching.CompileResultCacheImpl._locator_classes, TemporaryLocator)


@final
class KernelCache(caching.FunctionCache):
    """Numba's cache of one kernel; whatever fails in it costs a compilation, not the run."""

    _impl_class = KernelPlace

    def __init__(self, function: Any) -> None:
        """RuntimeError where no folder takes files."""
        super().__init__(function)
        stamp = source_stamp(Path(function.__code__.co_filename))
        self._cache_file = KernelFiles(self._cache_path, self._impl.filename_base, stamp)

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        """Kernels that check their indices are kept beside those that do not."""
        return (*super()._index_key(sig, codegen), bool(config.BOUNDSCHECK))  # type: ignore[attr-defined]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # what another numba kept may fail in any way
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _warn(f"{self._cache_path}: {error.strerror}")


@cache
def _warn(reason: str) -> None:
    warnings.warn(
        f"compiled kernels cannot be kept ({reason}), so that every start compiles them anew, which takes "
        f"minutes: {REMEDY} `memsim doctor` says more",
        RuntimeWarning,
        stacklevel=2,
    )
