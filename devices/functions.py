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


@dataclass(frozen=True)
class PiecewiseLinear:
    """Straight lines from point to point, held outside: values[k] at at[k], rising.

    f = values[0] + sum_k (slope_k - slope_(k-1)) max(x - at[k], 0),  x <= at[-1]
    """

    at: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.at, self.at[1:], strict=False))
        if len(self.at) < 2 or len(self.at) != len(self.values) or not rising:
            raise ValueError(
                f"at = {self.at} must rise, two points or more, with a value for each: {self.values}"
            )

    def __call__(self, x: Tensor) -> Tensor:
        x, slope = x.clamp(max=self.at[-1]), 0.0
        result = torch.full_like(x, self.values[0])
        for k, start in enumerate(self.at[:-1]):
            rise = (self.values[k + 1] - self.values[k]) / (self.at[k + 1] - start)
            result.add_((x - start).clamp(min=0.0).mul_(rise - slope))
            slope = rise
        return result
