"""Threads that wait for one another sleep soon, so that a busy machine costs its share and no more.

GNU's OpenMP lets a thread that waits spin for about 3 ms.  Where another process has the core meanwhile,
each of the thousand waits in a batch of images costs a turn of the scheduler: two threads beside two busy
processes were up to 80 times slower.  A spin of some 100 microseconds covers the gaps between two kernels;
after it, a thread sleeps.  OpenMP reads how long when it is loaded, with torch.  Where torch came first, a
team of sleeping threads does the same: with more threads than cores OpenMP spins a hundred rounds at most
(libgomp, wait.h).  `memsim bench threads` measures both.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading

ROUNDS = "10000"  #: of GNU's spin, about 100 microseconds: longer than Python takes between two kernels
SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""What a user says about waiting, in the environment: then nothing is changed."""

settled = any(name in os.environ for name in SETTINGS)  #: nothing is left to do


def block_soon() -> None:
    """Let OpenMP, if it is not loaded yet, spin briefly; to be called before torch is imported."""
    global settled
    if not settled and "torch" not in sys.modules:
        os.environ.update(GOMP_SPINCOUNT=ROUNDS, KMP_BLOCKTIME="0")  # GNU's, and LLVM's or Intel's [ms]
        settled = True


def outnumber_cores() -> None:
    """Let OpenMP, loaded already, spin briefly: start as many threads as there are cores, which sleep."""
    global settled
    settled = True
    library = ctypes.CDLL(None)
    if not hasattr(library, "GOMP_parallel"):
        return  # another OpenMP than GNU's
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    started = threading.Event()

    def team() -> None:
        nothing = ctypes.cast(library.getpid, ctypes.c_void_p)
        library.GOMP_parallel(nothing, None, max(2, cores), 0)
        started.set()
        threading.Event().wait()  # the team lasts as long as its first thread

    threading.Thread(target=team, name="memsim-waiting", daemon=True).start()
    started.wait()
