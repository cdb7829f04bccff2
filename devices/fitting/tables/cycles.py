"""The order of readings: pulse numbers that count on, start anew, or count within a cycle column."""

from __future__ import annotations

import numpy as np

MOST = 100_000  #: pulses of a device


def in_order(
    which: np.ndarray,
    pulse: np.ndarray,
    cycle: np.ndarray | None,
    way: np.ndarray,
    names: list[str],
    origin: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order the readings of each device.

    which: the device of each reading; pulse: its number; cycle: numbers of a cycle column, or None; way:
    its direction.  Returns the order of readings (device by device), the number of each in that order,
    counted on over all cycles, and where a cycle begins.  A number that a device has twice is taken for a new
    start where the numbers of the file rise and then fall back to where they began.  Raises ValueError by
    device and number otherwise.
    """
    odd = ~((pulse >= 0) & (pulse <= 1e9) & (pulse == np.round(pulse)))
    if odd.any():
        at = int(odd.argmax())
        raise ValueError(
            f"{origin}: pulse = {pulse[at]:g} of device {names[which[at]]!r}: the number of a pulse, 0, 1, 2,"
            " ... in their order, is needed; a column of amplitudes is a voltage"
        )
    if cycle is not None and np.isnan(cycle).any():
        raise ValueError(f"{origin}: a cycle is blank: write its number in every line")
    rounds = np.zeros(len(pulse)) if cycle is None else cycle
    if cycle is None:
        for device in range(len(names)):
            mine = np.flatnonzero(which == device)
            rounds[mine] = _starts(pulse[mine], way[mine], names[device], origin)
    order = np.lexsort((pulse, rounds, which))
    w, p, c = which[order], pulse[order], rounds[order]
    twice = (w[1:] == w[:-1]) & (p[1:] == p[:-1]) & (c[1:] == c[:-1])
    if twice.any():
        at = int(twice.argmax())
        raise ValueError(f"{origin}: device {names[w[at]]!r} has pulse = {p[at]:g} twice in cycle {c[at]:g}")
    new = np.ones(len(w), bool)
    new[1:] = w[1:] != w[:-1]
    begins = new.copy()
    begins[1:] |= c[1:] != c[:-1]
    step = np.ones(len(w))
    step[1:] = p[1:] - p[:-1]
    step[begins] = 1.0
    total = np.cumsum(step)
    first = np.maximum.accumulate(np.where(new, np.arange(len(w)), 0))
    number = (total - total[first]).astype(np.int64)
    if number.max() > MOST:
        raise ValueError(
            f"{origin}: pulse numbers of device {names[w[int(number.argmax())]]!r} reach {number.max()} after"
            f" the first: {MOST} at most; are these times?"
        )
    return order, number, begins & ~new


def _starts(pulse: np.ndarray, way: np.ndarray, name: str, origin: str) -> np.ndarray:
    """Number of the run that each reading of a device belongs to; all 0 where no number comes twice.

    A run begins where numbers fall back to the first, or to 1 after a first of 0 where the direction changes:
    pulses that are counted anew in each direction.
    """
    values, counts = np.unique(pulse, return_counts=True)
    if (counts == 1).all():
        return np.zeros(len(pulse))
    falls = np.flatnonzero(np.diff(pulse) <= 0) + 1
    turned = way[falls] != way[falls - 1]
    begins = (pulse[falls] == pulse[0]) | ((pulse[falls] == 1) & (pulse[0] == 0) & turned)
    doubled = (pulse[falls] == pulse[falls - 1]) & ~turned
    if doubled.any() or not begins.all() or np.diff(pulse).max(initial=0) > 1e6:
        twice = values[counts > 1][0]
        raise ValueError(
            f"{origin}: device {name!r} has pulse = {twice:g} twice, and the numbers do not start anew at"
            f" {pulse[0]:g} in between: is a line doubled, or is a column with the cycle missing"
            " (--columns cycle=...)?"
        )
    runs = np.zeros(len(pulse))
    runs[falls] = 1.0
    return np.cumsum(runs)
