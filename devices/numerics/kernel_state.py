"""What a person should know of compiled kernels: where they lie, how many are damaged, if there is room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from numba.core import caching

from memsim.devices.numerics.kernel_cache import REMEDY, ROOT, KernelPlace, checked, temporary_folder

ROOM = 100e6  #: that all kernels together want on a disk [B]


def state() -> tuple[str, str]:
    """What the cache holds, and what to do where it is not well (else empty)."""
    try:
        place = Path(KernelPlace(_anything).locator.get_cache_path())
    except RuntimeError:
        return "no folder takes compiled kernels: every start compiles them, which takes minutes", REMEDY
    files = [path for folder in _folders(place) for path in folder.glob("*.nb[ic]")]
    damaged, free = sum(map(_damaged, files)), shutil.disk_usage(place).free
    found = f"{place}, {len(files)} files"
    if damaged:
        found += f", {damaged} of them damaged or of another version: they are compiled again when needed"
    if free < ROOM:
        return f"{found}, but {free / 1e6:.0f} MB are free on its disk", REMEDY
    if place == temporary_folder():
        why = f"The package's folder and ~/.cache take no files: {REMEDY}"
        return f"{found}; it may be emptied at any time", why
    return found, ""


def _anything() -> None:
    """A function of the package, whose kernel would lie where all of them lie."""


def _folders(place: Path) -> Iterator[Path]:
    """Folders of kernels: all in one, or one for each folder of source files, beside these or elsewhere."""
    if place == temporary_folder():
        yield place
        return
    for at, *_ in os.walk(ROOT, followlinks=True):
        name = caching._CacheLocator.get_suitable_cache_subpath(f"{at}/kernel.py")
        yield Path(at, "__pycache__") if place.name == "__pycache__" else place.parent / name


def _damaged(path: Path) -> bool:
    try:
        checked(path)
    except OSError:
        return True
    return False
