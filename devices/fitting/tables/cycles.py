"""The order of readings: pulse numbers that increase throughout, restart, or count within a cycle column."""

from __future__ import annotations

import numpy as np

MOST = 100_000  #: largest number of pulses of a device


def in_order(
    which: np.ndarray,
    pulse: np.ndarray,
    cycle: np.ndarray | None,
    way: np.ndarray,
    names: list[str],
    origin: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the order of the readings, their continuous pulse numbers, and where cycles begin, (R,) each.

    which: device of each reading; pulse: number of its pulse; cycle: numbers of a cycle column, or None; way:
    direction.  The order is device by device, and numbers continue over all cycles.  If a device has a number
    twice, a new cycle begins where the numbers fall back to their first value.  Raises ValueError, with
    device and number, for other repetitions and for numbers that are not whole or too large.
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
    """Return the number of the run of each reading of a device; all 0 if no pulse number is repeated.

    A run begins where numbers fall back to the first one, or to 1 if the first is 0 and the direction
    changes, because pulses may be counted separately in each direction.
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
