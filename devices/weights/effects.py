"""What befalls a weight cell, one equation each: programming error, drift, relaxation, low-frequency noise.

A cell without one of them is ideal in it. Conductances and spreads are in siemens, times in seconds.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from memsim.devices.functions import Function
from memsim.devices.numerics import stable
from memsim.devices.numerics.stream import Stream
from memsim.devices.weights.recorded import Recorded

MICRO = 1e-6  #: microsiemens, the unit papers fit in [S]


@dataclass(frozen=True)
class Spread:
    """Spread sigma(G) [S] from a fit f in microsiemens.

    sigma = f(G / g_max) g_max / g_fit      relative: it scales with the range, as aihwkit has it
    sigma = f(G)                            absolute, where no g_fit is given
    """

    fit: Function
    g_fit: float | None = None  #: conductance of x = 1 in the fit [uS]

    def __call__(self, g: Tensor, g_max: float) -> Tensor:
        if self.g_fit is None:
            return self.fit(g / MICRO).mul_(MICRO)
        return self.fit(g / g_max).mul_(g_max / self.g_fit)


@dataclass(frozen=True)
class Drift:
    """G(t) = G_P ((t + t_0) / t_0)^-nu,  nu = abs(mu(x) + s(x) xi), one for each device; x = G_T / g_max."""

    mean: Function
    spread: Function
    t_0: float  #: when the fit's first read happened, after the write [s]

    def exponent(self, x: Tensor, xi: Tensor) -> Tensor:
        """nu [1]."""
        return self.spread(x).mul_(xi).add_(self.mean(x)).abs_()

    def factor(self, exponent: Tensor, t: float) -> Tensor:
        """G(t) / G_P [1]."""
        return stable.exp(-math.log1p(t / self.t_0) * exponent)


class Relaxation(ABC):
    """G(t) = G_P + shift(t) + spread(G_T, t) xi, one xi for each device: a path that widens, never
    redrawn.
    """

    fitted_until: float = math.inf  #: the law is held from here on [s]

    @abstractmethod
    def shift(self, t: float) -> float:
        """Of the mean [S]; 0 at the write."""

    @abstractmethod
    def spread(self, target: Tensor, t: float, g_max: float) -> Tensor:
        """Of the devices [S]; 0 at the write."""


@dataclass(frozen=True)
class LogRelaxation(Relaxation):
    """shift = a ln t, spread = b ln t + c [uS], t in seconds, the same for every conductance.

    The fit begins at 1 s; before it the mean stays and the spread grows along its line, from zero on.
    """

    mean_slope: float  #: a [uS]
    spread_slope: float  #: b [uS]
    spread_offset: float  #: c [uS]

    def shift(self, t: float) -> float:
        return MICRO * self.mean_slope * math.log(max(t, 1.0))

    def spread(self, target: Tensor, t: float, g_max: float) -> Tensor:
        at = self.spread_slope * math.log(t) + self.spread_offset if t > 0.0 else 0.0
        return torch.full_like(target, MICRO * max(at, 0.0))


@dataclass(frozen=True)
class FittedRelaxation(Relaxation):
    """Total error of a cell at a few times t_k: sigma(G_T, t) is a line in ln t from fit to fit.

        spread^2 = sigma(G_T, t)^2 - sigma(G_T, t_0)^2,  the part that the write (sigma at t_0) has not

    Held before the first time and after the last.
    """

    times: tuple[float, ...]  #: rising [s]
    spreads: tuple[Spread, ...]  #: sigma at each of them

    def __post_init__(self) -> None:
        rising = all(0.0 < a < b < math.inf for a, b in zip(self.times, self.times[1:], strict=False))
        if len(self.times) < 2 or len(self.times) != len(self.spreads) or not rising:
            raise ValueError(
                f"times = {self.times} s must rise from above 0, two or more, each with a spread"
            )

    @property
    def fitted_until(self) -> float:  # type: ignore[override]
        return self.times[-1]

    def shift(self, t: float) -> float:
        return 0.0

    def total(self, target: Tensor, t: float, g_max: float) -> Tensor:
        """sigma(G_T, t) [S]."""
        at = min(max(t, self.times[0]), self.times[-1])
        k = max(i for i, known in enumerate(self.times[:-1]) if known <= at)
        u = math.log(at / self.times[k]) / math.log(self.times[k + 1] / self.times[k])
        return (1.0 - u) * self.spreads[k](target, g_max) + u * self.spreads[k + 1](target, g_max)

    def spread(self, target: Tensor, t: float, g_max: float) -> Tensor:
        first = self.spreads[0](target, g_max)
        return stable.sqrt((self.total(target, t, g_max).square() - first.square()).clamp_(min=0.0))


@dataclass(frozen=True)
class LowFrequencyNoise(ABC):
    """G(t) = G (1 + Q B(s)),  s(t) = max(0, ln((t + t_0 + t_read) / (2 t_read))).

    B is one Wiener path for each device, so a chip's times form one trajectory: knots every decade of t +
    t_0 from t_0 on, between them a line and a bridge, sqrt(ds u (1 - u)) Z with one Z for each interval; its
    variance is s at every t. aihwkit draws B(s) anew at each time.
    """

    t_0: float  #: time of the fit's zero after the write [s]
    t_read: float  #: duration of a read in the fit [s]

    @abstractmethod
    def amplitude(self, programmed: Tensor, now: Tensor, g_max: float) -> Tensor:
        """Q [1] of devices that were written to `programmed` and stand at `now` [S]."""

    def time(self, t: float) -> float:
        """s(t), the variance of the noise path `t` seconds after the write."""
        return max(0.0, math.log((t + self.t_0 + self.t_read) / (2 * self.t_read)))

    def path(self, like: Tensor, t: float, rng: Stream) -> Tensor:
        """B(s(t)) for each device: whole decades, then the bridge inside the last one."""
        decades = math.log10((t + self.t_0) / self.t_0)
        last = int(decades + 1e-12)
        knots = [self.time(self.t_0 * (10.0**k - 1.0)) for k in range(last + 2)]
        increments = rng.child("knot")
        path = math.sqrt(knots[0]) * draw(increments, like, 0)
        for k in range(1, last + 1):
            path += math.sqrt(knots[k] - knots[k - 1]) * draw(increments, like, k)
        span = knots[last + 1] - knots[last]
        u = (self.time(t) - knots[last]) / span if span > 0.0 else 0.0  # no noise yet where t_0 << t_read
        if u <= 0.0:
            return path
        path += u * math.sqrt(span) * draw(increments, like, last + 1)
        return path + math.sqrt(span * u * (1.0 - u)) * draw(rng.child("bridge"), like, last)


@dataclass(frozen=True)
class RelativeFlicker(LowFrequencyNoise):
    """Q = q(G_P / g_max), as in phase-change memory."""

    fit: Function

    def amplitude(self, programmed: Tensor, now: Tensor, g_max: float) -> Tensor:
        return self.fit(programmed / g_max)


@dataclass(frozen=True)
class DecadeFlicker(LowFrequencyNoise):
    """Q = k abs(log10 g) / g, g the conductance of now [uS], no less than 0.1: noise by its decades."""

    k: float  #: [uS]

    def amplitude(self, programmed: Tensor, now: Tensor, g_max: float) -> Tensor:
        g = (now / MICRO).clamp(min=0.1)
        return self.k / math.log(10.0) * stable.log(g).abs_() / g


def draw(rng: Stream, like: Tensor, draw: int = 0) -> Tensor:
    """One standard normal for each device of a (*K, *cells) tensor, in its dtype."""
    if isinstance(like, Recorded):
        return cast(Tensor, like.normal(rng, draw))
    return rng.normal(like.shape[rng.keys.ndim :], draw=draw, dtype=like.dtype, device=like.device)
