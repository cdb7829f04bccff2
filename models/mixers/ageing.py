"""Forget gates that devices provide: the decay of a line depends on its age only and is equal in all heads.

    volatile    gate = -age / tau               values that relax as exp(-t / tau)
    drifting    gate = -nu ln(1 + age / t_0)    values that drift as (1 + t / t_0)^-nu

The gate is the logarithm of the decay factor.  With a column of ones as normaliser it acts like a bias on the
scores of a softmax.  Ages, tau and t_0 are in tokens here; `memsim.memory.clock` converts them to seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

Ageing = Callable[[Tensor], Tensor]
"""Function from ages (...,) in tokens to gates (...,), 0 at age 0."""


def volatile(tau: float) -> Ageing:
    """Return the gate -age / tau of values that relax; tau in tokens.

    Raises ValueError for a tau that is not positive.
    """
    if not tau > 0:
        raise ValueError(f"tau = {tau} tokens: a positive number is needed")
    return partial(_volatile, tau=tau)


def drifting(nu: float, t_0: float) -> Ageing:
    """Return the gate -nu ln(1 + age / t_0) of values that drift; nu [1], t_0 in tokens.

    Raises ValueError for nu below 0 or a t_0 that is not positive.
    """
    if not (nu >= 0 and t_0 > 0):
        raise ValueError(f"nu = {nu}, t_0 = {t_0} tokens: nu must be 0 or more and t_0 positive")
    return partial(_drifting, nu=nu, t_0=t_0)


def _volatile(age: Tensor, tau: float) -> Tensor:
    return -age / tau


def _drifting(age: Tensor, nu: float, t_0: float) -> Tensor:
    return -nu * (age / t_0).log1p()


def gate_of(ageing: Ageing, readers: int, lines: int, like: Tensor) -> Tensor:
    """Return the gate (R, N) of the newest R of N tokens as readers for the lines of all N tokens.

    Lines that are newer than their reader get 0.  The result has the data type and device of `like`.
    """
    line = torch.arange(lines, dtype=torch.float64, device=like.device)
    return ageing((line[lines - readers :, None] - line).clamp(min=0.0)).to(like.dtype)
