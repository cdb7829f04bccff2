"""Threads that share a machine: chips with threads that sleep soon, alone and beside busy processes.

Each way of waiting has a process of its own, since OpenMP reads it once; all are asked in turn.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

from memsim.devices.numerics.waiting import SETTINGS

NETWORK, CHIPS, IMAGES = "s2tdpt-digits", 8, 16

SERVE = "from memsim.studies.speed.bench_threads import serve; serve()"
SPINNING = {"GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"}
"""How OpenMP waits where nobody said anything: GNU's rounds, LLVM's milliseconds."""

SPUN = 0.25  #: after this time no thread of `SPINNING` spins any more [s]

WAYS: dict[str, tuple[str, Mapping[str, str]]] = {
    "ours": (SERVE, {}),
    "torch first": (f"import torch; {SERVE}", {}),
    "spinning": (SERVE, SPINNING),
}
"""Program and environment: memsim imported first, torch imported first, OpenMP as it comes."""


def threads(threads: int | None = None, repeats: int = 5) -> dict[str, Any]:
    """Time a batch of images through chips, on all cores (or on `threads` threads).

    ``ratio`` is our time over that of spinning threads on the machine as it is (idle: the price of sleeping);
    ``ratio beside busy processes`` is our time beside one busy process for each core over our time without.
    ``torch first`` has the same two where torch was imported before memsim; ``spinning beside busy
    processes`` is what threads that spin lose.  ``load before`` should be near 0: on a busy machine only the
    second ratio means something.
    """
    many, load = threads or os.cpu_count() or 1, os.getloadavg()[0]
    with ExitStack() as stack:
        sides = {name: stack.enter_context(_process(*way, many)) for name, way in WAYS.items()}
        alone = _seconds(sides, 2 * repeats)
        for _ in range(os.cpu_count() or 1):
            stack.enter_context(_busy())
        busy = _seconds(sides, repeats)
    slower = {name: busy[name] / alone[name] for name in WAYS}
    return {
        "ratio": alone["ours"] / alone["spinning"],
        "ratio beside busy processes": slower["ours"],
        "torch first": [alone["torch first"] / alone["spinning"], slower["torch first"]],
        "spinning beside busy processes": slower["spinning"],
        "ours [s]": alone["ours"],
        "other [s]": alone["spinning"],
        "other": "the same with threads that spin for 3 ms",
        "load before": load,
        "chips": CHIPS,
        "images": IMAGES,
        "threads": many,
    }


def serve() -> None:
    """Answer each line of stdin with the seconds of one batch, after a warm-up."""
    import torch

    import memsim
    from memsim import models

    net = models.load(NETWORK).eval()
    assert net.calibration_images is not None
    images = net.calibration_images[:IMAGES]
    chip = memsim.to_crossbar(net, "default", chips=CHIPS, calibration=images).program()
    chip.ledger.open = False
    with torch.no_grad():
        for _ in range(2):
            chip(images)
        print("ready", flush=True)
        for _ in sys.stdin:
            start = time.perf_counter()
            chip(images)
            print(time.perf_counter() - start, flush=True)


def _seconds(sides: Mapping[str, subprocess.Popen[str]], repeats: int) -> dict[str, float]:
    """Return the median seconds of a batch of each side, in turn, once the threads of the side before are
    asleep.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, side in sides.items():
            time.sleep(SPUN)
            times[name].append(float(_ask(side)))
    return {name: median(all_of) for name, all_of in times.items()}


def _ask(side: subprocess.Popen[str]) -> str:
    assert side.stdin is not None and side.stdout is not None
    side.stdin.write("\n")
    side.stdin.flush()
    return side.stdout.readline()


@contextmanager
def _process(program: str, settings: Mapping[str, str], many: int) -> Iterator[subprocess.Popen[str]]:
    """A process that serves, warm; ended at the end."""
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    numbers = {"OMP_NUM_THREADS": str(many), "NUMBA_NUM_THREADS": str(many)}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=inherited | numbers | dict(settings),
    )
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise ChildProcessError("bench threads: a process ended before its first batch")
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def _busy() -> Iterator[None]:
    """A process that keeps one core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()
