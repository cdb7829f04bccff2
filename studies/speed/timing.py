"""How long a call takes, by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

_TURN = 0.05  #: seconds a side is called for before the other has its turn


def seconds_of(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleaved(sides: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of a call of each side, in turn so that a drifting machine is fair to all; one warm-up.

    A turn calls its side again and again for a twentieth of a second: each side finds its own data in the
    cache, not the other's, and its threads awake.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    for round_ in range(repeats + 1):
        for name, call in sides.items():
            call()
            calls, seconds = 0, 0.0
            while seconds < _TURN:
                seconds += seconds_of(call)
                calls += 1
            if round_:
                times[name].append(seconds / calls)
    return {name: median(all_of) for name, all_of in times.items()}
