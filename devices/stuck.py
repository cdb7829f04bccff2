"""Stuck devices: some of many hold one level for good, whatever is written; one law for all cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from memsim.devices.fault_shares import StuckShares
from memsim.devices.numerics.stream import Stream


def stuck_levels(
    shape: Sequence[int],
    shares: StuckShares,
    low: float,
    high: float,
    *,
    rng: Stream,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Draw the level each device is stuck at, NaN where it is free: float32 (*K, *shape) in low .. high.

    One uniform number u of each device, from the stream "stuck", decides: on where u < on, off where u < on +
    off, at random where u < on + off + random.  So a device that is stuck on stays so at any higher share.
    """
    u = rng.child("stuck").uniform(shape, device=device)
    levels = torch.full_like(u, math.nan)
    if shares.random:
        place = rng.child("level").uniform(shape, device=device)
        levels = torch.where(u < sum(shares), low + (high - low) * place, levels)
    levels[u < shares.on + shares.off] = low
    levels[u < shares.on] = high
    return levels


def held(levels: Tensor, values: Tensor) -> Tensor:
    """Return the values of devices, the level in place of those that are stuck."""
    return torch.where(levels.isnan(), values, levels.to(values.dtype))
