"""How long a call takes, by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import ceil
from statistics import median

TURN = 0.05
"""Seconds that a turn lasts at least: a core that slept while the other side ran on one alone wakes first."""


def seconds_of(call: Callable[[], object]) -> float:
    """Return seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleaved(sides: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median seconds of a call of each side, in turn so that a drifting machine is fair to all.

    A turn is as many calls as fill :data:`TURN`, after a warm-up of two.
    """
    calls = dict.fromkeys(sides, 1)
    for name, call in sides.items():
        call()  # compiles
        calls[name] = ceil(TURN / seconds_of(call))
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, call in sides.items():
            number = calls[name]
            times[name].append(seconds_of(lambda c=call, n=number: _repeat(c, n)) / number)
    return {name: median(all_of) for name, all_of in times.items()}


def _repeat(call: Callable[[], object], number: int) -> None:
    for _ in range(number):
        call()
