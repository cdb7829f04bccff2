"""Functions of a conductance as papers fit them: small, frozen, compared by their numbers.

Each takes a tensor x >= 0 (a conductance over g_max, or in microsiemens) and returns one like it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from memsim.devices.numerics import stable

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Polynomial:
    """c0 + c1 x + c2 x^2 + ..."""

    coefficients: tuple[float, ...]

    def __call__(self, x: Tensor) -> Tensor:
        *rest, last = self.coefficients
        value = torch.full_like(x, last)  # and on in place: fresh memory costs more than arithmetic
        for c in reversed(rest):
            value.mul_(x).add_(c)
        return value


@dataclass(frozen=True)
class ClippedLog:
    """clip(offset + slope ln x, low, high), x taken at 1e-7 below that."""

    slope: float
    offset: float
    low: float
    high: float

    def __call__(self, x: Tensor) -> Tensor:
        return stable.log(x.clamp(min=1e-7)).mul_(self.slope).add_(self.offset).clamp_(self.low, self.high)


@dataclass(frozen=True)
class CappedPower:
    """min(factor / max(x^exponent, 1e-3), cap)."""

    factor: float
    exponent: float
    cap: float

    def __call__(self, x: Tensor) -> Tensor:
        return (self.factor / stable.power(x.abs(), self.exponent).clamp(min=1e-3)).clamp(max=self.cap)


@dataclass(frozen=True)
class Split:
    """`below` where x < edge, `above` from there on."""

    edge: float
    below: Function
    above: Function

    def __call__(self, x: Tensor) -> Tensor:
        return torch.where(x < self.edge, self.below(x), self.above(x))
