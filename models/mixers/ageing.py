"""A forget gate that a device gives: what is left of a line by its age alone, the same for every head.

    volatile    gate = -age / tau               values that relax as exp(-t / tau)
    drifting    gate = -nu ln(1 + age / t_0)    values that drift as (1 + t / t_0)^-nu

A column of ones beside the values makes a softmax bias of it.  Ages, tau and t_0 are in tokens here; a clock
makes seconds of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

Ageing = Callable[[Tensor], Tensor]
"""Ages (...,) in tokens -> gate (...,), 0 at age 0."""


def volatile(tau: float) -> Ageing:
    """The gate of values that relax.  Raises ValueError for a tau that is not positive."""
    if not tau > 0:
        raise ValueError(f"tau = {tau} tokens: a positive number is needed")
    return partial(_volatile, tau=tau)


def drifting(nu: float, t_0: float) -> Ageing:
    """The gate of values that drift.  Raises ValueError for nu below 0, and t_0 that is not positive."""
    if not (nu >= 0 and t_0 > 0):
        raise ValueError(f"nu = {nu}, t_0 = {t_0} tokens: 0 or more, and a positive number are needed")
    return partial(_drifting, nu=nu, t_0=t_0)


def _volatile(age: Tensor, tau: float) -> Tensor:
    return -age / tau


def _drifting(age: Tensor, nu: float, t_0: float) -> Tensor:
    return -nu * (age / t_0).log1p()


def gate_of(ageing: Ageing, readers: int, lines: int, like: Tensor) -> Tensor:
    """The gate (R, N) of the newest R of N tokens as readers, for the lines of all; 0 for later ones."""
    line = torch.arange(lines, dtype=torch.float64, device=like.device)
    return ageing((line[lines - readers :, None] - line).clamp(min=0.0)).to(like.dtype)
