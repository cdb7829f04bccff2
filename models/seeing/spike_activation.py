"""Spike activation maps: where a layer fires in quick succession; no gradient, no label.

    m(p) = mean_t sum_k S_k(t, p) N_k(t, p),   N_k(t, p) = sum_t'<t exp(-gamma (t - t')) S_k(t', p)

S: spikes of channel k.  Source: Kim & Panda, Scientific Reports 11:19037 (2021).  A first spike scores
nothing: with one time step the map is zero.
"""

from __future__ import annotations

from math import exp

import torch
from torch import Tensor

GAMMA = 0.5
"""Decay of a spike's worth for each time step [1]."""


def spike_activation(spikes: Tensor, gamma: float = GAMMA) -> Tensor:
    """Maps (..., h, w) of spikes (..., T, K, h, w); gamma: decay for each time step, at least 0.

    Raises ValueError for numbers that are no spikes, or another gamma.
    """
    if not gamma >= 0:
        raise ValueError(f"gamma = {gamma}: the decay of a spike's worth for each time step, at least 0")
    if not bool(((spikes == 0) | (spikes == 1)).all()):
        low, high = float(spikes.min()), float(spikes.max())
        raise ValueError(
            f"a spike activation map needs spikes, 0 or 1, and this layer gives numbers from {low:g} to "
            f"{high:g}; name a layer of neurons"
        )
    steps, before = spikes.shape[-4], torch.zeros_like(spikes.select(-4, 0))
    total, decay = torch.zeros_like(before), exp(-gamma)
    for step in range(steps):
        now = spikes.select(-4, step)
        total += now * before
        before = decay * (before + now)
    return total.sum(-3) / steps
