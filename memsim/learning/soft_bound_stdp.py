"""Weight-dependent STDP by identical pulses on devices with soft bounds.

    up      w <- w + a+ (b+ - w)        n pulses:  b+ - (b+ - w) (1 - a+)^n
    down    w <- w - a- (w - b-)                   b- + (w - b-) (1 - a-)^n

The step of a device is proportional to its distance from the bound.  Identical pulses therefore implement the
multiplicative rule dw+ = eta+ (w_max - w) f(dt), dw- = eta- (w - w_min) f(dt) (van Rossum, Bi & Turrigiano,
J. Neurosci. 20, 8812, 2000) without a read of the weight.  Each spike sends n_max times the trace of the
other side as pulses:

    up_ij   = n_max sum_t trace(pre)_i(t) post_j(t)           pre before post, or with it
    down_ij = n_max sum_t pre_i(t) decay trace(post)_j(t-1)   post before pre

The functions are pure; time is the first axis of every tensor.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from memsim.learning.eprop import traces


class SoftBounds(NamedTuple):
    """Mean response of a device with soft bounds, in units of its state w."""

    up: float  #: a+, the part of the distance to b+ that one pulse up covers, 0 to 1 [1]
    down: float  #: a-, the same for one pulse down towards b- [1]
    high: float  #: upper bound b+
    low: float  #: lower bound b-

    def after(self, w: Tensor, up: Tensor | float, down: Tensor | float) -> Tensor:
        """Return the mean state after `up` pulses up, then `down` pulses down, from states w of any shape."""
        w = self.high - (self.high - w) * (1 - self.up) ** torch.as_tensor(up, dtype=w.dtype)
        return self.low + (w - self.low) * (1 - self.down) ** torch.as_tensor(down, dtype=w.dtype)

    def settles(self, share_up: float) -> float:
        """Return the mean state in equilibrium under single pulses, each up with probability p = share_up.

            w* = (p a+ b+ + (1 - p) a- b-) / (p a+ + (1 - p) a-)

        At w* the mean steps up and down cancel.
        """
        up, down = share_up * self.up, (1 - share_up) * self.down
        return (up * self.high + down * self.low) / (up + down)


def pairings(pre: Tensor, post: Tensor, decay: float, n_max: float) -> tuple[Tensor, Tensor]:
    """Return the numbers of pulses up and down (..., R, C) for spikes pre (T, ..., R) and post (T, ..., C).

    The numbers are not rounded.  Raises ValueError for a decay outside 0 to 1.
    """
    before = traces(pre, decay)
    later = torch.zeros_like(post)
    later[1:] = decay * traces(post, decay)[:-1]
    up = torch.einsum("t...r,t...c->...rc", before, post)
    down = torch.einsum("t...r,t...c->...rc", pre, later)
    return n_max * up, n_max * down
