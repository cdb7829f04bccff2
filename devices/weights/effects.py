"""What befalls a weight cell, one equation each: programming error, drift, relaxation, low-frequency noise.

A cell without one of them is ideal in it. Conductances and spreads are in siemens, times in seconds.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from memsim.devices.check import FIRST, PERIODS, check_period
from memsim.devices.functions import Function
from memsim.devices.numerics import stable
from memsim.devices.numerics.stream import Stream
from memsim.devices.weights.recorded import Recorded

MICRO = 1e-6  #: microsiemens, the unit papers fit in [S]

CELL = 10**0.5 * 1.1 / (2 * math.pi)  #: length of a cell of a decade, in its shortest periods [1]
GOLDEN = (5**0.5 - 1) / 2  #: of a cell from decade to decade: where in it time begins
DECADES, MOST_CELLS = 16, 2**28  #: decades from 10 s on; normals of a stream before it takes the next


@dataclass(frozen=True)
class Spread:
    """Spread sigma(G) [S] from a fit f in microsiemens.

    sigma = f(G / g_scale) g_scale / g_fit      f in shares of the range of its fit
    sigma = f(G)                                f in microsiemens, where no g_fit is given
    """

    fit: Function
    g_fit: float | None = None  #: conductance of x = 1 in the fit [uS]

    def __call__(self, g: Tensor, g_scale: float) -> Tensor:
        if self.g_fit is None:
            return self.fit(g / MICRO).mul_(MICRO)
        return self.fit(g / g_scale).mul_(g_scale / self.g_fit)


@dataclass(frozen=True)
class Drift:
    """G(t) = G_P ((t + t_0) / t_0)^-nu,  nu = abs(mu(x) + s(x) xi) for each device; x = G_T / g_scale."""

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
    def spread(self, target: Tensor, t: float, g_scale: float) -> Tensor:
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

    def spread(self, target: Tensor, t: float, g_scale: float) -> Tensor:
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

    def total(self, target: Tensor, t: float, g_scale: float) -> Tensor:
        """sigma(G_T, t) [S]."""
        at = min(max(t, self.times[0]), self.times[-1])
        k = max(i for i, known in enumerate(self.times[:-1]) if known <= at)
        u = math.log(at / self.times[k]) / math.log(self.times[k + 1] / self.times[k])
        return (1.0 - u) * self.spreads[k](target, g_scale) + u * self.spreads[k + 1](target, g_scale)

    def spread(self, target: Tensor, t: float, g_scale: float) -> Tensor:
        first = self.spreads[0](target, g_scale)
        return stable.sqrt((self.total(target, t, g_scale).square() - first.square()).clamp_(min=0.0))


@dataclass(frozen=True)
class LowFrequencyNoise(ABC):
    """G(t) = G (1 + Q B(t)), B of the spectrum 1/f between 1 / (t + t_0 + t_read) and 1 / (2 t_read):

        var B(t) = s(t) = max(0, ln((t + t_0 + t_read) / (2 t_read)))             aihwkit's law at every t
        cov(B(t), B(t')) = sum_k a_k(t) a_k(t') rho_k(t, t'),   a_k^2 = ln of what of decade k is in the band

    One process for each decade of periods 1/f from `first` on, each a chain of independent normals, one for
    each cell of time, about a correlation time long: constant for half a cell, then turned into the next,
    cos Z_m + sin Z_m+1.  Everything faster is drawn for itself at each time: reads less than `apart` apart
    have no more in common than what periods from `first` on leave.  Every value is found from device and time
    alone, so times may be asked for in any order.  The correlation stays within .07 of that of the spectrum
    (.015 rms; .1 and .025 with a `first` below 10 s) for times `apart` or more apart, over years; aihwkit
    draws B anew at each time.  `covariance` tells the exact number.
    """

    t_0: float  #: time of the fit's zero after the write [s]
    t_read: float  #: duration of a read in the fit [s]
    first: float = field(default=FIRST, kw_only=True)
    """Shortest period that is followed from time to time [s]: 10 s or a power of ten below; each decade more
    takes two normals more for each device and time.
    """

    def __post_init__(self) -> None:
        check_period(self.first)

    @property
    def apart(self) -> float:
        """Least time between two reads whose correlation is that of the spectrum [s]."""
        return self.first / 10.0

    @abstractmethod
    def amplitude(self, programmed: Tensor, now: Tensor, g_scale: float) -> Tensor:
        """Q [1] of devices that were written to `programmed` and stand at `now` [S]."""

    def time(self, t: float) -> float:
        """s(t), the variance of the noise path `t` seconds after the write."""
        return max(0.0, math.log((t + self.t_0 + self.t_read) / (2 * self.t_read)))

    def path(self, like: Tensor, t: float, rng: Stream) -> Tensor:
        """B(t) for each device."""
        fast = math.sqrt(self.fast_variance(t)) * draw(rng.child("fast", float(t)), like)
        return self.slow_path(like, t, rng, fast)

    def slow_path(self, like: Tensor, t: float, rng: Stream, fast: Tensor | float = 0.0) -> Tensor:
        """Return the part of B(t) whose periods are `first` or longer, for each device, on top of a faster
        one.
        """
        path: Any = fast
        cells = rng.child("cell")
        for (k, cell), weight in self.slow_parts(t).items():
            turn, number = divmod(cell, MOST_CELLS)
            if k < 0 or turn:
                path += weight * draw(cells.child(k, turn), like, number)
            else:
                path += weight * draw(cells, like, k * MOST_CELLS + number)
        return torch.full_like(like, path) if isinstance(path, float) else path

    def covariance(self, t: float, other: float) -> float:
        """Return the covariance of B at two times [s] after the write."""
        if t == other:
            return self.time(t)
        here, there = self.slow_parts(t), self.slow_parts(other)
        return sum(weight * there.get(cell, 0.0) for cell, weight in here.items())

    def fast_variance(self, t: float) -> float:
        """Return the variance [1] of what is faster than `first`."""
        return self._inside(0.0, self.first, t)

    def slow_parts(self, t: float) -> dict[tuple[int, int], float]:
        """Return weights of the normals that make up the slow part at t, by decade (0: from 10 s) and
        cell.
        """
        parts: dict[tuple[int, int], float] = {}
        longest = math.log10(max(t + self.t_0 + self.t_read, FIRST) / FIRST)
        for k in range(-PERIODS.index(self.first), min(math.ceil(longest), DECADES)):
            share = math.sqrt(self._inside(FIRST * 10.0**k, FIRST * 10.0 ** (k + 1), t))
            cells = t / (CELL * FIRST * 10.0**k) + (k * GOLDEN + 0.9) % 1.0
            cell = int(cells)
            turned = min(max(2.0 * (cells - cell) - 0.5, 0.0), 1.0) * math.pi / 2
            for m, weight in ((cell, math.cos(turned)), (cell + 1, math.sin(turned))):
                if share * weight > 1e-12:
                    parts[k, m] = share * weight
        return parts

    def _inside(self, shortest: float, longest: float, t: float) -> float:
        """ln of the ratio of those periods from `shortest` to `longest` [s] that are in the band at t."""
        low, high = max(shortest, 2 * self.t_read), min(longest, t + self.t_0 + self.t_read)
        return math.log(high / low) if high > low else 0.0


@dataclass(frozen=True)
class RelativeFlicker(LowFrequencyNoise):
    """Q = q(G_P / g_scale), as in phase-change memory."""

    fit: Function

    def amplitude(self, programmed: Tensor, now: Tensor, g_scale: float) -> Tensor:
        return self.fit(programmed / g_scale)


@dataclass(frozen=True)
class DecadeFlicker(LowFrequencyNoise):
    """Q = k abs(log10 g) / g, g the conductance of now [uS], no less than 0.1: noise by its decades."""

    k: float  #: [uS]

    def amplitude(self, programmed: Tensor, now: Tensor, g_scale: float) -> Tensor:
        g = (now / MICRO).clamp(min=0.1)
        return self.k / math.log(10.0) * stable.log(g).abs_() / g


def draw(rng: Stream, like: Tensor, draw: int = 0) -> Tensor:
    """Return one standard normal for each device of a (*K, *cells) tensor, in its dtype."""
    if isinstance(like, Recorded):
        return cast(Tensor, like.normal(rng, draw))
    return rng.normal(like.shape[rng.keys.ndim :], draw=draw, dtype=like.dtype, device=like.device)
