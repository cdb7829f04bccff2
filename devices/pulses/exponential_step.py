"""Exponential steps, small and noisy ones: aihwkit's ExpStepDevice with plain multiplicative cycle noise."""

from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics import plain_math as pm
from memsim.devices.numerics.compile import inlined, parallel_kernel
from memsim.devices.numerics.operation import operation
from memsim.devices.numerics.philox import BLOCK, normals
from memsim.devices.numerics.simd import clip, exp, log, mask, pick
from memsim.devices.numerics.walk import kept_between
from memsim.devices.pulses.exponential_pulses import ExponentialCell
from memsim.devices.pulses.kernel_parts import begin, finish
from memsim.devices.pulses.writes import Writes, by_chunks, run_kernel

_TINY = np.float32(1e-20)
_CHUNK = 64  #: pulses taken at once; the bounds act after each chunk


@final
@dataclass(frozen=True, kw_only=True)
class ExponentialStepCell(ExponentialCell):
    """The step changes exponentially with the state, z = 2 a w / (max_bound - min_bound) + b:

        up    w <- clip(w + s_up max(1 - A_up exp(gamma_up z), 0) (1 + c xi))
        down  w <- clip(w - s_down max(1 - A_down exp(-gamma_down z), 0) (1 + c xi))
        visible w + write_noise_std dw_min xi, drawn once for each write

    Up to 64 pulses are taken at once. With d = +-1, E = exp(-d gamma z) and k = 2 a gamma s / (max_bound -
    min_bound) the steps are those of dE = -k (E - A) dn, so E_n = A + (E_0 - A) exp(-k N). The noise of a
    step is proportional to the step, that is, it moves the device along the same curve: N = n + c sqrt(n)
    xi - (1 + c^2)/2 ln(y at the end / y at the begin), y = 1 - A/E (Ito's term). A device beyond E = A stands
    still. For the bounds see :func:`memsim.devices.numerics.walk.kept_between`; for small steps, k c^2 << 1.
    At strengths 2, 4, 10 of cycle noise the spread of reram-es after 64 pulses (c = 5) misses the loop's by
    3, 16, 38 %.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        for side in ("gamma_up", "gamma_down"):
            gamma = getattr(self, side)
            if not (gamma * abs(self.a) >= 0.01 and gamma * (2.0 * abs(self.a) + abs(self.b)) <= 80.0):
                raise ValueError(
                    f"{self.name}: {side}={gamma:g}, a={self.a:g}, b={self.b:g}: {side} abs(a) >= 0.01 and"
                    f" {side} (2 abs(a) + abs(b)) <= 80 are needed; a step that does not change is constant"
                )

    def _constants(self, values: dict[str, Tensor]) -> list[Tensor]:
        scale = 2.0 * self.a / (values["max_bound"].double() - values["min_bound"].double()).clamp(min=1e-6)
        up, down = values["dwmin_up"], values["dwmin_down"]
        rates = [scale * self.gamma_up * up, scale * self.gamma_down * down]
        bounds = [values["max_bound"], values["min_bound"], values["reset_bias"]]
        return [c.float() for c in (up, -down, *rates, scale, 1.0 / scale, *bounds)]

    def _evolve(self, packed: Tensor, writes: Writes, *, visible: bool) -> Tensor:
        curve = np.array([self.gamma_up, -self.gamma_down, self.A_up, self.A_down, self.b], np.float32)
        return rewrite(packed, writes, *self._noises(visible), curve)  # type: ignore[arg-type]


@operation
def rewrite(
    packed: Tensor, writes: Writes, reset: float, write: float, cycle: float, curve: np.ndarray
) -> Tensor:
    """Reset (or begin), pulse, add write noise: float32 (arrays, writes, cells).

    reset, write and cycle are spreads; curve: gamma_up, -gamma_down, A_up, A_down, b.
    """
    law = partial(_chunk, cycle=float(cycle), curve=curve.tolist())
    return by_chunks(packed, writes, reset, write, _CHUNK, law)


@rewrite.kernel("cpu", torch.float32)
def _(packed, writes, reset, write, cycle, curve):
    return run_kernel(_rewrite, packed, writes, reset, write, cycle, curve)


def _chunk(
    w: Tensor,
    n: Tensor,
    p: tuple[Tensor, ...],
    z: Tensor,
    word: Tensor,
    done: int,
    cycle: float,
    curve: list[float],
) -> Tensor:
    """The torch form of :func:`_pulses`."""
    gamma_up, gamma_down, A_up, A_down, b = curve
    up, count = n > 0, (n.abs() - done).clamp(0.0, float(_CHUNK))
    s, k = torch.where(up, p[0], p[1]), torch.where(up, p[2], p[3])
    exponent = torch.where(up, gamma_up, gamma_down).to(w)
    scale, length, high, low = p[4], p[5], p[6], p[7]
    level = -exponent * (scale * w + b)
    begin = pm.exp(level)
    A = torch.minimum(torch.where(up, A_up, A_down).to(w), begin)
    gap = begin - A
    quiet = (A + gap * pm.exp(-k * count)).clamp(min=float(_TINY))
    lost = level - pm.log(quiet) - k * count
    drift = count - 0.5 * (1.0 + cycle * cycle) * lost
    along = drift + cycle * count.sqrt() * z
    end = (A + gap * pm.exp(-k * along)).clamp(min=float(_TINY))
    x = -(pm.log(end) / exponent + b) * length
    near = torch.maximum(end, 0.25 * begin)
    noise = cycle * s.abs() * (1.0 - A / near).clamp(min=0.0)
    x = pm.kept_between(w, x, low, high, noise, count, word)
    return torch.where(count > 0, x, w)


@parallel_kernel
def _rewrite(out, start, fresh, packed, pulses, keys, images, steps, reset, write, cycle, curve):
    blocks = packed.shape[1]
    for job in prange(out.shape[0] * blocks):
        array, block = job // blocks, job % blocks
        p, key = packed[array, block], keys[array]
        z, words = np.zeros((2, BLOCK), np.float32), np.empty((1, BLOCK), np.uint32)
        w, n, seen = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
        for m in range(out.shape[1]):
            image, step = images[m // len(steps)], steps[m % len(steps)]
            most = begin(
                w, n, seen, z, p, start, fresh, pulses, array, m, block, key, image, step, reset, write
            )  # fmt: skip
            for chunk in range((most + _CHUNK - 1) // _CHUNK):
                normals(z, words, key, block, step, image, 2 + chunk, 1)
                done = np.float32(chunk * _CHUNK)
                _pulses(w, n, p, z, words, done, cycle, curve[0], curve[1], curve[2], curve[3], curve[4])
            finish(out, w, seen, array, m, block)


@inlined
def _pulses(w, n, p, z, words, done, cycle, gamma_up, gamma_down, A_up, A_down, b):
    half = np.float32(0.5)
    for i in range(BLOCK):
        up, count = mask(n[i] > np.float32(0.0)), clip(abs(n[i]) - done, np.float32(0.0), np.float32(_CHUNK))
        s, k = pick(up, p[0, i], p[1, i]), pick(up, p[2, i], p[3, i])
        exponent = pick(up, gamma_up, gamma_down)  # d gamma
        scale, length, high, low = p[4, i], p[5, i], p[6, i], p[7, i]
        level = -exponent * (scale * w[i] + b)  # ln E
        begin = exp(level)
        A = min(pick(up, A_up, A_down), begin)
        gap = begin - A
        quiet = max(A + gap * exp(-k * count), _TINY)  # E without noise
        lost = level - log(quiet) - k * count  # ln(y at the end / y at the begin)
        drift = count - half * (np.float32(1.0) + cycle * cycle) * lost
        along = drift + cycle * np.sqrt(count) * z[0, i]
        end = max(A + gap * exp(-k * along), _TINY)
        x = -(log(end) / exponent + b) * length
        near = max(end, np.float32(0.25) * begin)  # E beyond the bound would be no measure of the noise
        noise = cycle * abs(s) * max(np.float32(1.0) - A / near, np.float32(0.0))
        x = kept_between(w[i], x, low, high, noise, count, words[0, i])
        w[i] = pick(mask(count > np.float32(0.0)), x, w[i])
