"""Numba decorators shared by every kernel, and the number of threads they run on.

Kernels run on OpenMP threads, which do not survive a fork: start worker processes by spawn. With
NUMBA_BOUNDSCHECK=1 they check every index, and are kept apart from those that do not.
"""

import os
from typing import Any

import numba
import torch
from numba import config

from memsim.devices.numerics import private_code, waiting
from memsim.devices.numerics.kernel_cache import compiled

private_code.install()

_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "nsz", "arcp"},
}
kernel: Any = compiled(**_OPTIONS)
inlined: Any = compiled(
    **_OPTIONS, forceinline=True
)  #: LLVM vectorises a loop only when every call in it is gone
bare: Any = compiled(
    **_OPTIONS, forceinline=True, _nrt=False
)  #: views count no references, which in a hot loop costs a fifth; nothing can be allocated in it
leaf: Any = compiled(**_OPTIONS, _nrt=False)  #: as `bare`, but called, not copied into its callers
_THREADS = config.NUMBA_NUM_THREADS  #: all that numba may ever use; to ask it starts them, and sets torch's  # type: ignore[attr-defined]
_PROCESS = os.getpid()  # whose threads they are
parallel_kernel: Any = compiled(**_OPTIONS, parallel=True)


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
    if threads > 1 and not waiting.settled:
        waiting.outnumber_cores()
    numba.set_num_threads(min(threads, _THREADS))
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    return threads
