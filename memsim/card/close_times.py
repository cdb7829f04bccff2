"""Times at which chips are read that are too close for the spectrum of low-frequency noise to hold."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsim.devices.weights.weight_cell import WeightCell


class TimesTooClose(UserWarning):
    """Two times of reads between which low-frequency noise is drawn anew where its spectrum would keep it."""


def check_apart(cell: WeightCell, before: float, now: float) -> None:
    """Warn where images at two times after the write [s] have less noise in common than the spectrum says;
    before: of the last images, NaN where there were none.
    """
    law = None if cell.exact else cell.flicker
    if law is None or not cell.strength("flicker-noise") or not 0.0 < abs(now - before) < law.apart:
        return
    warnings.warn(
        f"images at {before:g} and {now:.10g} s: low-frequency noise is followed between times {law.apart:g}"
        f" s or more apart, as its periods from {law.first:g} s on are; nearer ones have less in common than"
        " its spectrum says. A smaller weights.flicker_period [s] follows it further",
        TimesTooClose,
        stacklevel=3,
    )
