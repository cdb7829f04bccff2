"""How fast a device changes under a voltage, and where a waveform takes it.

A law is dx/dt = rate(v, x) with a weight w(x): what a read sees. `ThresholdExponential` is the law most
papers on memristive STDP use; `memsim.devices.stdp.gap_model` is a physical one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, final

import numpy as np
from scipy.integrate import solve_ivp

_TOLERANCE = 1e-8  #: of the largest change
_EDGE = 1e-9  #: part of a piece at either end that is not looked at: the voltage jumps there


class RateLaw(Protocol):
    """A device's state x under a voltage."""

    @property
    def start(self) -> float:
        """The state a spike pair finds."""
        ...

    @property
    def v_th(self) -> float:
        """Below this voltage nothing moves [V]; 0 where there is no such threshold."""
        ...

    def rate(self, v: np.ndarray, x: np.ndarray) -> np.ndarray:
        """dx/dt at voltages v [V] and states x, shapes broadcast."""
        ...

    def weight(self, x: np.ndarray) -> np.ndarray:
        """Return the weight that a read of states x sees; rises under positive voltages."""
        ...


@final
@dataclass(frozen=True, kw_only=True)
class ThresholdExponential:
    """f(v) = i0 sgn(v) (exp(|v| / v0) - exp(v_th / v0)) for |v| > v_th, else 0; the state is the weight.

    Nothing moves below v_th, and the rate does not depend on the state: additive STDP. Defaults and law:
    Zamarreno-Ramos et al., Front. Neurosci. 5, 26 (2011), v_th scaled to 1 V. ValueError with the field.
    """

    v_th: float = 1.0  #: threshold [V]
    v0: float = 1 / 7  #: voltage for a factor e [V]
    i0: float = 1.0  #: scale of the rate [1/s]
    start: float = 0.0  #: state before the pair [1]

    def __post_init__(self) -> None:
        if not self.v_th >= 0.0:
            raise ValueError(f"v_th = {self.v_th:g} V: 0 or above; it serves both signs")
        if not self.v_th / 600 < self.v0 <= 5.0:
            raise ValueError(f"v0 = {self.v0:g} V: above v_th / 600, up to 5 V; did you pass 1 / v0?")
        if not self.i0 > 0.0:
            raise ValueError(f"i0 = {self.i0:g} /s: above 0")

    def rate(self, v: np.ndarray, x: np.ndarray) -> np.ndarray:
        size = np.maximum(np.abs(v), self.v_th)
        return self.i0 * np.sign(v) * (np.exp(size / self.v0) - np.exp(self.v_th / self.v0)) + 0 * x

    def weight(self, x: np.ndarray) -> np.ndarray:
        return x


def drive(
    law: RateLaw, x: np.ndarray, voltage: Callable[[np.ndarray], np.ndarray], knots: np.ndarray
) -> np.ndarray:
    """Integrate dx/dt = law.rate(v(t), x) over a waveform for K devices at once; returns their states (K,).

    x (K,) the states before; voltage: times (K,) [s] -> volts (K,), a waveform for each; knots (P+1, K) [s]
    ascending, between which every waveform is smooth. scipy's DOP853, piece by piece, each stretched to
    0 .. 1 and cut where its voltage crosses the threshold; the error is below 1e-6 of the largest change.
    Raises ValueError where the rate overflows.
    """
    scale = _largest_change(law, x, voltage, knots)
    if scale == 0.0:
        return x.copy()
    knots = _split(knots, voltage, law.v_th) if law.v_th else knots
    y = np.zeros_like(x)
    for begin, end in pairwise(knots):
        length = (end - begin) / scale

        def slope(s: float, y: np.ndarray, begin=begin, end=end, length=length) -> np.ndarray:
            at = begin + (end - begin) * (_EDGE + (1 - 2 * _EDGE) * s)
            return length * law.rate(voltage(at), x + scale * y)

        solved = solve_ivp(
            slope, (0, 1), y, "DOP853", t_eval=(1,), max_step=1 / 8, rtol=_TOLERANCE, atol=_TOLERANCE
        )
        y = solved.y[:, -1]
    return x + scale * y


def _largest_change(law: RateLaw, x: np.ndarray, voltage: Callable, knots: np.ndarray) -> float:
    """Return the largest integral of |rate| at the states before, by 32 midpoints in every piece."""
    middle = (np.arange(32)[:, None, None] + 0.5) / 32
    length = np.diff(knots, axis=0)
    v = voltage(knots[:-1] + length * middle)
    with np.errstate(over="ignore"):
        change = float((np.abs(law.rate(v, x)).mean(0) * length).sum(0).max(initial=0.0))
    if not np.isfinite(change):
        raise ValueError(f"{np.abs(v).max():g} V is more than this law can take: its rate overflows")
    return change


def _split(knots: np.ndarray, voltage: Callable, v_th: float) -> np.ndarray:
    """Return knots (2 P + 1, K): each piece cut where |v| first crosses v_th, at its end where it does
    not.
    """
    begin, length = knots[:-1], np.diff(knots, axis=0)

    def above(s: np.ndarray) -> np.ndarray:
        return np.abs(voltage(begin + length * (_EDGE + (1 - 2 * _EDGE) * s))) > v_th

    grid = np.linspace(0, 1, 33)
    seen = above(grid[:, None, None])
    crosses = seen[1:] != seen[:-1]
    first = crosses.argmax(0)
    low, high = grid[first], np.where(crosses.any(0), grid[first + 1], 1.0)
    for _ in range(40):
        middle = (low + high) / 2
        before = above(middle) == seen[0]
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    cut = begin + length * np.where(crosses.any(0), high, 1.0)
    return np.concatenate([np.stack([begin, cut], 1).reshape(-1, knots.shape[1]), knots[-1:]])


def pulse_response(law: RateLaw, x: np.ndarray, v: float, width: float) -> np.ndarray:
    """Return the change of the weights of states x (K,) under one rectangular pulse of v [V] for `width` [s].

    Taken over the states of a device it is the weight dependence of its STDP: a change that is the same
    everywhere makes STDP additive; one proportional to the weight, or to its distance from a bound, makes it
    multiplicative.
    """
    after = drive(law, x, lambda t: np.full_like(t, v), np.array([0.0, width])[:, None] + 0 * x)
    return law.weight(after) - law.weight(x)
