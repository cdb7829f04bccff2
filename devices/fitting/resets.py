"""The conductance after a reset: measured if the curves have full resets, else stated or assumed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memsim.devices.fitting.estimates import Interval, population
from memsim.devices.fitting.measurements import PulseCurves

ROOM = 0.05  #: share of the range; a reset closer to a bound gives a warning


@dataclass(frozen=True)
class Reset:
    """Numbers of a card for resets."""

    numbers: dict[str, Interval]  #: measured numbers
    fixed: dict[str, float]  #: stated or assumed numbers
    remark: str  #: their origin


def reset_of(curves: PulseCurves, level: float, stated: float | None, middle: float) -> Reset:
    """Return the numbers of a card for resets.

    level [S]: noise of a reading; stated [S]: conductance given by the user.  Without full resets in the
    curves and without a stated value, the middle of the range is assumed, without noise.
    """
    seen = _after_resets(curves)
    if stated is not None:
        return Reset({}, {"reset [S]": stated}, "stated by --reset")
    if not np.isfinite(seen).any():
        return Reset({}, {"reset [S]": middle}, "assumed, not measured: the middle; --reset states another")
    counts = np.isfinite(seen).sum(0)
    own = np.nanmean(seen[:, counts > 0], 0)
    error = level / np.sqrt(counts[counts > 0])
    mean, spread = population(own, own + error * np.array([[1.0], [-1.0]]))
    if len(own) == 1:
        return Reset({"reset [S]": mean}, {}, "measured")
    if counts.min() < 2:
        return Reset({"reset [S]": mean, "reset_noise [S]": spread}, {}, "measured, once on a device")
    within = float(np.sqrt(np.nanvar(seen, 0, ddof=1).mean()))
    noise = float(np.sqrt(max(within**2 - level**2, 0.0)))
    degrees = int((counts - 1).sum())
    reach = 1.96 * within / np.sqrt(2 * degrees)
    numbers = {
        "reset [S]": mean,
        "reset_noise [S]": Interval(noise, max(noise - reach, 0.0), noise + reach),
        "reset_spread [S]": spread,
    }
    return Reset(numbers, {}, "measured")


def _after_resets(curves: PulseCurves) -> np.ndarray:
    """Return readings after full resets, (K, N), else NaN; curves with pulses up only start with a reset."""
    one_sided = not (curves.direction == -1).any()
    after = curves.resets.copy()
    after[0] |= one_sided
    return np.where(after, curves.conductance, np.nan)


def no_room(reset: float, low: float, high: float, one_sided: bool) -> str:
    """Return a warning for a reset [S] too close to a bound for pulses in that direction, else ""."""
    above, below = (high - reset) / (high - low), (reset - low) / (high - low)
    if above < ROOM:
        way, share = "up", above
    elif below < ROOM and not one_sided:
        way, share = "down", below
    else:
        return ""
    return (
        f"reset [S] = {reset:.3g} leaves {100 * max(share, 0.0):.2g} % of the range for pulses {way}:"
        f" attention arrays lose accuracy; take a reset near {(low + high) / 2:.3g},"
        ' or [attention] reset = "pulses"'
    )
