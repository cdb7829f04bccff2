"""Weight-dependent STDP: what identical pulses do to devices with soft bounds.

    up      w <- w + a+ (b+ - w)        n pulses:  b+ - (b+ - w) (1 - a+)^n
    down    w <- w - a- (w - b-)                   b- + (w - b-) (1 - a-)^n

A step grows with the distance to its bound, so that the multiplicative rule dw+ = eta+ (w_max - w) f(dt),
dw- = eta- (w - w_min) f(dt) (van Rossum, Bi & Turrigiano, J. Neurosci. 20, 8812, 2000) needs no look at the
weight: the device does it.  A spike that meets the other side's trace sends n_max trace pulses:

    up_ij   = n_max sum_t trace(pre)_i(t) post_j(t)           pre before post, or with it
    down_ij = n_max sum_t pre_i(t) decay trace(post)_j(t-1)   post before pre

Pure functions of tensors, time on the first axis.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from memsim.learning.eprop import traces


class SoftBounds(NamedTuple):
    """The mean law of a device: share of the way to the bound that a pulse goes, and the bounds [w]."""

    up: float
    down: float
    high: float
    low: float

    def after(self, w: Tensor, up: Tensor | float, down: Tensor | float) -> Tensor:
        """Return the mean state after pulses up, then pulses down."""
        w = self.high - (self.high - w) * (1 - self.up) ** torch.as_tensor(up, dtype=w.dtype)
        return self.low + (w - self.low) * (1 - self.down) ** torch.as_tensor(down, dtype=w.dtype)

    def settles(self, share_up: float) -> float:
        """Mean state under single pulses, each up with this probability: where the mean steps cancel [w].

        w* = (p a+ b+ + (1 - p) a- b-) / (p a+ + (1 - p) a-)
        """
        up, down = share_up * self.up, (1 - share_up) * self.down
        return (up * self.high + down * self.low) / (up + down)


def pairings(pre: Tensor, post: Tensor, decay: float, n_max: float) -> tuple[Tensor, Tensor]:
    """Pulses up and down (..., R, C) of spikes pre (T, ..., R) and post (T, ..., C), not rounded."""
    before = traces(pre, decay)
    later = torch.zeros_like(post)
    later[1:] = decay * traces(post, decay)[:-1]
    up = torch.einsum("t...r,t...c->...rc", before, post)
    down = torch.einsum("t...r,t...c->...rc", pre, later)
    return n_max * up, n_max * down
