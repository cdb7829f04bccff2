"""How long a call takes, by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median


def seconds_of(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleaved(sides: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each side, in turn so that a drifting machine is fair to all; one warm-up each."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for round_ in range(repeats + 1):
        for name, call in sides.items():
            seconds = seconds_of(call)
            if round_:
                times[name].append(seconds)
    return {name: median(all_of) for name, all_of in times.items()}
