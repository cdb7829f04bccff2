"""Numba decorators shared by every kernel, and the guard that keeps their cache honest.

Kernels run on OpenMP threads, which do not survive a fork: start worker processes by spawn. With
NUMBA_BOUNDSCHECK=1 they check every index, and are kept apart from those that do not.
"""

import os
from pathlib import Path
from typing import Any

import numba
import torch
from numba import config, njit

if config.BOUNDSCHECK and not config.CACHE_DIR:  # numba keeps checked and unchecked kernels by one name  # type: ignore[attr-defined]
    config.CACHE_DIR = str(Path(__file__).parent / "__pycache__" / "bounds-checked")  # type: ignore[attr-defined]

_OPTIONS = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "nsz", "arcp"},
}
kernel: Any = njit(**_OPTIONS)
inlined: Any = njit(
    **_OPTIONS, forceinline=True
)  #: LLVM vectorises a loop only when every call in it is gone
_compile: Any = njit
bare: Any = _compile(
    **_OPTIONS, forceinline=True, _nrt=False
)  #: views count no references, which in a hot loop costs a fifth; nothing can be allocated in it
_THREADS = config.NUMBA_NUM_THREADS  #: all that numba may ever use; to ask it starts them, and sets torch's  # type: ignore[attr-defined]
_PROCESS = os.getpid()  # whose threads they are
parallel_kernel: Any = njit(**_OPTIONS, parallel=True)


def drop_stale_cache(folder: Path, *inlined_from: Path) -> None:
    """Delete compiled kernels under `folder` older than any kernel's source there or where they inline from.

    Numba looks at a kernel's own file only; a kernel that inlines another file's function would stay as it
    was.
    """
    try:
        sources = [source for place in (folder, *inlined_from) for source in place.rglob("*.py")]
        compiled = [s for s in sources if "numba" in (text := s.read_text("utf-8")) or "compile" in text]
        newest = max(source.stat().st_mtime for source in compiled)
        for place in (folder, *([Path(config.CACHE_DIR)] if config.CACHE_DIR else [])):  # type: ignore[attr-defined]
            for index in place.rglob("*.nbi"):
                if index.stat().st_mtime < newest:
                    index.unlink(missing_ok=True)
    except OSError:  # a folder that cannot be written has no cache beside it
        pass


def match_threads() -> int:
    """Let the kernels that follow use as many threads as torch does; returns how many.

    Numba starts OpenMP's threads on its first call and sets their number for torch too: that is put back.
    Raises RuntimeError in a forked process: those threads are its parent's.
    """
    if os.getpid() != _PROCESS:
        raise RuntimeError(
            "kernels cannot run in a forked process, which has no part in its parent's OpenMP threads: start"
            ' workers by spawn, as in multiprocessing.get_context("spawn") or'
            ' DataLoader(..., multiprocessing_context="spawn")'
        )
    threads = torch.get_num_threads()
    numba.set_num_threads(min(threads, _THREADS))
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    return threads


drop_stale_cache(Path(__file__).parent.parent)
