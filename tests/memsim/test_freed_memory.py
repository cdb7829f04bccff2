"""Freed memory stays with the process, and environment variables have the last word."""

import os
import platform
import subprocess
import sys

import pytest

GLIBC = platform.libc_ver()[0] == "glibc"
FAULTS = """
import resource, torch
from memsim.freed_memory import keep_freed_memory
kept = keep_freed_memory()
def fill():
    torch.ones(13_000_000)  # 52 MB, above what glibc keeps by itself
for _ in range(4):
    fill()
faults = []
for _ in range(8):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    fill()
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(kept, min(faults))
"""


def run(**environment: str) -> tuple[str, int]:
    """Whether memory is kept, and the fewest page faults of one more tensor, in a process of its own."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=plain | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    kept, faults = done.stdout.split()
    return kept, int(faults)


@pytest.mark.skipif(not GLIBC, reason="another C library")
def test_a_large_tensor_is_not_fetched_anew_page_by_page() -> None:
    """52 MB are 12,696 pages; the process fetches a part of them at most once it keeps what it freed."""
    kept, faults = run()
    given, usual = run(MALLOC_ARENA_MAX="8")
    assert (kept, given) == ("True", "False")
    assert faults < usual / 2
