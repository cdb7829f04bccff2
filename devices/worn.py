"""Worn devices: each fails after its own number of write cycles, and is stuck from then on; for all cells.

P(failed by n) = 1 - exp(-(n / endurance)^shape)        Weibull
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from memsim.devices.fault_shares import StuckShares
from memsim.devices.numerics.stream import Stream
from memsim.devices.stuck import stuck_levels


def lives(shape: Sequence[int], endurance: float, modulus: float, *, rng: Stream) -> Tensor:
    """Draw the cycles until each device fails, float64 (*K, *shape), from the stream "life".

    endurance: cycles by which 63.2 % have failed; modulus: Weibull's shape.
    """
    chance = rng.child("life").uniform(shape, dtype=torch.float64)
    return endurance * (-chance.log()) ** (1 / modulus)


def worn_levels(
    life: Tensor, cycles: float, stuck_high: float, low: float, high: float, *, rng: Stream
) -> Tensor:
    """Return the level that devices of these lives (*K, *shape) are stuck at, NaN of those that still work.

    stuck_high: probability of a failed device to be stuck at `high`, else at `low`, from the stream "stuck".
    """
    shape = life.shape[rng.keys.ndim :]
    failed = stuck_levels(shape, StuckShares(on=stuck_high, off=1.0 - stuck_high), low, high, rng=rng)
    return torch.where(life <= cycles, failed, torch.tensor(math.nan))
