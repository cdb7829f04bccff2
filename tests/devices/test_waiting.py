"""Threads that wait sleep soon: by the environment before torch is loaded, by idle threads after."""

import os
import subprocess
import sys

import pytest

from memsim.devices.numerics.waiting import ROUNDS, SETTINGS

COUNT = "len(__import__('os').listdir('/proc/self/task'))"


def said(code: str, **settings: str) -> list[str]:
    """What a fresh interpreter prints, word by word; nothing is said of waiting but `settings`."""
    plain = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=plain | settings, check=True
    )
    return done.stdout.split()


def test_importing_memsim_before_torch_bounds_the_spin():
    code = "import memsim, os, sys; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    assert said(code) == [ROUNDS, "False"]


@pytest.mark.parametrize("name, value", [("OMP_WAIT_POLICY", "ACTIVE"), ("GOMP_SPINCOUNT", "7")])
def test_what_a_user_says_of_waiting_stands(name, value):
    code = f"import memsim, os; print(os.environ['{name}'], *({list(SETTINGS)} & os.environ.keys()))"
    assert said(
        code.replace("['", "['").replace(f"({list(SETTINGS)}", f"(set({list(SETTINGS)})"), **{name: value}
    ) == [value, name]


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
@pytest.mark.parametrize("threads, more", [("1", False), ("2", True)])
def test_where_torch_came_first_the_first_kernel_starts_threads_that_sleep(threads, more):
    code = (
        "import torch, threading\n"
        "from memsim.devices.numerics import compile, waiting\n"
        "assert not waiting.settled\n"
        "compile.match_threads()\n"
        f"before = {COUNT}\n"
        "compile.match_threads()\n"
        f"assert before == {COUNT}  # once\n"
        "print(waiting.settled, 'memsim-waiting' in [thread.name for thread in threading.enumerate()])"
    )
    assert said(code, OMP_NUM_THREADS=threads, NUMBA_NUM_THREADS="2") == [str(more)] * 2
