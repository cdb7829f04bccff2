"""Phase-change memory for weights: programming error, drift and accumulated 1/f noise, as fitted on a
million devices.

Source: Joshi et al., Nat. Commun. 11, 2473 (2020); Nandakumar et al., ICECS 2019 (8964852); the numbers
are those of aihwkit's PCMLikeNoiseModel, which the tests hold beside this file's own closed forms.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from devices import stable
from devices.cell import Description, WeightCell
from devices.stream import Stream

_FIT_G_MAX = 25.0  #: conductance [uS] the programming polynomial was fitted at


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class PCMState:
    """Devices as they were written, and the time since."""

    programmed: Tensor  #: conductance right after the write, G_P [S]
    exponent: Tensor  #: drift exponent nu, drawn once for each device [1]
    path: Stream  #: the stream of each device's low-frequency noise, fixed at the write
    t: float = 0.0  #: time since the write [s]


@final
@dataclass(frozen=True, kw_only=True)
class JoshiCell(WeightCell):
    """A PCM device, x = G_T / g_max:

        write  G_P = max(0, G_T + sigma(x) xi),  sigma = g_max/25 (c0 + c1 x + c2 x^2)
        relax  G_D(t) = G_P ((t + t0) / t0)^-nu,  nu = abs(mu(x) + s(x) xi)
               mu = clip(-0.0155 ln x + 0.0244, 0.049, 0.1),  s = clip(-0.0125 ln x - 0.0059, 0.008, 0.045)
        read   G(t) = max(0, G_D (1 + Q B(s))),  s = ln((t + t0 + t_r) / (2 t_r)),
               Q = min(0.0088 / max((G_P / g_max)^0.65, 1e-3), 0.2)

    B is one Wiener path for each device, so a chip's times form one trajectory: knots every decade of t +
    t0 from t0 on, between them a line and a bridge, sqrt(ds u (1 - u)) Z with one Z for each interval; its
    variance is s at every t. aihwkit draws B(s) anew at each time. Valid for conductances up to g_max,
    about 1 s to a year after the write. Strengths multiply sigma, nu and Q, as aihwkit's three scales do.
    """

    prog_coeff: tuple[float, ...] = (0.26348, 1.9650, -1.1731)  #: c0, c1, c2 at g_max = 25 uS [uS]
    t_0: float = 20.0  #: when the fit's first read happened, after the write [s]
    t_read: float = 250e-9  #: duration of a read in the fit [s]

    effects: ClassVar[tuple[str, ...]] = ("programming", "drift", "flicker-noise", "read-noise")

    def write(self, target: Tensor, *, rng: Stream) -> PCMState:
        """Program `target` [S] of shape (*K, *cells); its dtype (float32, float64) is kept.

        Raises ValueError for targets outside 0 .. g_max.
        """
        self.check_target(target)
        x = target / self.g_max
        programmed = target
        if programming := self.strength("programming"):
            noise = self._draw(rng.child("programming"), target)
            programmed = (target + programming * self.programming_spread(x) * noise).clamp_(min=0.0)
        exponent = torch.zeros_like(target)
        if drift := self.strength("drift"):
            mean, spread = self.drift_law(x)
            exponent = (mean + spread * self._draw(rng.child("drift"), target)).abs_().mul_(drift)
        return PCMState(programmed=programmed, exponent=exponent, path=rng.child("flicker-noise"))

    def relax(self, state: PCMState, t: float, *, rng: Stream | None = None) -> PCMState:
        """The same devices `t` seconds after the write (absolute; needs no randomness of its own).

        Raises ValueError for a negative time.
        """
        if not (t >= 0.0 and math.isfinite(t)):
            raise ValueError(f"t={t} s: time since the write is a finite number, 0 or more")
        return replace(state, t=float(t))

    def read(self, state: PCMState, *, rng: Stream | None = None) -> Tensor:
        """Conductance [S] at the state's time: drift and the device's noise path, the same at every reading.

        The fresh noise of a single read is a current: memsim adds it, `read_noise` says how much.
        """
        drifted = state.programmed * stable.exp(-math.log1p(state.t / self.t_0) * state.exponent)
        flicker = self.strength("flicker-noise")
        if not flicker:
            return drifted
        relative = flicker * self.flicker_amplitude(state.programmed / self.g_max) * self._path(state)
        return (drifted * (1.0 + relative)).clamp_(min=0.0)

    def programming_spread(self, x: Tensor) -> Tensor:
        """sigma(x) [S], x = G_T / g_max."""
        c0, c1, c2 = self.prog_coeff
        return (c0 + x * (c1 + x * c2)) * (self.g_max / _FIT_G_MAX)

    def drift_law(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and spread of nu before the absolute value, x = G_T / g_max."""
        log = stable.log(x.clamp(min=1e-7))
        return (0.0244 - 0.0155 * log).clamp_(0.049, 0.1), (-0.0059 - 0.0125 * log).clamp_(0.008, 0.045)

    def flicker_amplitude(self, x: Tensor) -> Tensor:
        """Q(x), x = G_P / g_max."""
        return (0.0088 / stable.power(x.abs(), 0.65).clamp(min=1e-3)).clamp(max=0.2)

    def flicker_time(self, t: float) -> float:
        """s(t), the variance of the noise path `t` seconds after the write."""
        return math.log((t + self.t_0 + self.t_read) / (2 * self.t_read))

    def describe(self) -> Description:
        return Description(
            name=self.name, technology=self.technology, kind="weight", states=float("inf"),
            low=self.g_min, high=self.g_max, unit="S", n_max=0, one_sided=False, effects=self.effects,
            unsupported=dict(self.missing), source=self.source,
        )  # fmt: skip

    def _path(self, state: PCMState) -> Tensor:
        """B(s(t)) for each device: whole decades, then the bridge inside the last one."""
        decades = math.log10((state.t + self.t_0) / self.t_0)
        last = int(decades + 1e-12)
        knots = [self.flicker_time(self.t_0 * (10.0**k - 1.0)) for k in range(last + 2)]
        increments = state.path.child("knot")
        path = math.sqrt(knots[0]) * self._draw(increments, state.programmed, 0)
        for k in range(1, last + 1):
            path += math.sqrt(knots[k] - knots[k - 1]) * self._draw(increments, state.programmed, k)
        span = knots[last + 1] - knots[last]
        u = (self.flicker_time(state.t) - knots[last]) / span
        if u <= 0.0:
            return path
        path += u * math.sqrt(span) * self._draw(increments, state.programmed, last + 1)
        bridge = self._draw(state.path.child("bridge"), state.programmed, last)
        return path + math.sqrt(span * u * (1.0 - u)) * bridge

    @staticmethod
    def _draw(rng: Stream, like: Tensor, draw: int = 0) -> Tensor:
        return rng.normal(like.shape[rng.keys.ndim :], draw=draw, dtype=like.dtype)


def pcm_joshi2020(**changes: Any) -> JoshiCell:
    """The preset `pcm-joshi2020`: g_max 25 uS.

    `read_noise_std` is the w_noise (PCM_READ) of aihwkit's StandardHWATrainingPreset.
    """
    numbers: dict[str, Any] = {
        "name": "pcm-joshi2020",
        "technology": "PCM",
        "source": "Joshi et al., Nat. Commun. 11, 2473 (2020), as in aihwkit's PCMLikeNoiseModel",
        "g_max": 25e-6,
        "read_noise_std": 0.0175,
    }
    return JoshiCell(**(numbers | changes))
