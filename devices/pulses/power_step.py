"""Steps that shrink as a power of the distance to the bound: aihwkit's PowStepDevice (Fusi & Abbott 2007)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.check import check
from memsim.devices.numerics import plain_math as pm
from memsim.devices.numerics.compile import inlined, parallel_kernel
from memsim.devices.numerics.operation import operation
from memsim.devices.numerics.philox import BLOCK, normals
from memsim.devices.numerics.simd import clip, exp, log, mask, pick
from memsim.devices.numerics.stream import Stream
from memsim.devices.pulses.kernel_parts import begin, finish
from memsim.devices.pulses.population import PopulationCell, two_sides
from memsim.devices.pulses.writes import Writes, by_chunks, run_kernel

_CHUNK = 64  #: pulses taken at once


@final
@dataclass(frozen=True, kw_only=True)
class PowerStepCell(PopulationCell):
    """The step is a power of the relative distance to the bound ahead, R = max_bound - min_bound:

        up    w <- clip(w + s_up ((max_bound - w) / R)^g_up (1 + c xi))
        down  w <- clip(w - s_down ((w - min_bound) / R)^g_down (1 + c xi))
        visible w + write_noise_std dw_min xi, drawn once for each write

    g_up, g_down = abs(gain +- r - max(+-pow_up_down, 0)) pow_gamma with gain = 1 + pow_gamma_dtod xi and r =
    pow_up_down_dtod xi, as for the steps of :class:`Population`.

    Up to 64 pulses are taken at once: the distance x shrinks as x (1 + y)^(-1 / (g - 1)), y = (g - 1) k N
    x^(g - 1), k = s / R. The noise moves the device along the same curve: N = n + c sqrt(n) xi + (1 + c^2)/2
    times the sum of k g x^(g - 1) (Ito's term). For small steps, k c^2 << 1.
    """

    pow_gamma: float  #: exponent [1]
    pow_gamma_dtod: float  #: its spread over devices, relative [1]
    pow_up_down: float  #: asymmetry of the exponents; only one is reduced [1]
    pow_up_down_dtod: float  #: spread of that asymmetry [1]

    def __post_init__(self) -> None:
        super().__post_init__()
        check(
            self, self.name, pow_gamma=(0, 20), pow_gamma_dtod=(0, 10), pow_up_down=(-1, 1),
            pow_up_down_dtod=(0, 10),
        )  # fmt: skip

    def _values(self, shape: Sequence[int], rng: Stream) -> dict[str, Tensor]:
        values, spread = super()._values(shape, rng), self.strength("device-spread")
        gain, r = torch.ones_like(values["max_bound"]), torch.zeros_like(values["max_bound"])
        if spread:
            gain += spread * self.pow_gamma_dtod * rng.child("pow_gain").normal(shape)
            r += spread * self.pow_up_down_dtod * rng.child("pow_up_down").normal(shape)
        up, down = two_sides(gain, r, self.pow_up_down, self.pow_gamma)
        return values | {"gamma_up": up, "gamma_down": down}

    def _constants(self, values: dict[str, Tensor]) -> list[Tensor]:
        high, low = values["max_bound"], values["min_bound"]
        reach = (high - low).clamp(min=1e-6)
        steps = [
            values["dwmin_up"] / reach,
            values["gamma_up"],
            values["dwmin_down"] / reach,
            values["gamma_down"],
        ]
        return [*steps, reach, high, low, values["reset_bias"]]

    def _evolve(self, packed: Tensor, writes: Writes, *, visible: bool) -> Tensor:
        return rewrite(packed, writes, *self._noises(visible))  # type: ignore[arg-type]


@operation
def rewrite(packed: Tensor, writes: Writes, reset: float, write: float, cycle: float) -> Tensor:
    """Reset (or begin), pulse, add write noise: float32 (arrays, writes, cells); reset, write and cycle are
    spreads.
    """
    return by_chunks(packed, writes, reset, write, _CHUNK, partial(_chunk, cycle=float(cycle)))


@rewrite.kernel("cpu", torch.float32)
def _(packed, writes, reset, write, cycle):
    return run_kernel(_rewrite, packed, writes, reset, write, cycle)


def _chunk(
    w: Tensor, n: Tensor, p: tuple[Tensor, ...], z: Tensor, word: Tensor, done: int, cycle: float
) -> Tensor:
    """The torch form of :func:`_pulses`."""
    up, count = n > 0, (n.abs() - done).clamp(0.0, float(_CHUNK))
    k, g = torch.where(up, p[0], p[2]), torch.where(up, p[1], p[3])
    reach, high, low = p[4], p[5], p[6]
    bound, side = torch.where(up, high, low), torch.where(up, 1.0, -1.0).to(w)
    x = (side * (bound - w) / reach).clamp(1e-18, 1.0)
    pace = k * pm.exp((g - 1.0) * pm.log(x))
    quiet = (1.0 + (g - 1.0) * pace * count).clamp(min=0.5)
    ito = 0.5 * (1.0 + cycle * cycle) * g * 0.5 * (pace + pace / quiet)
    along = count * (1.0 + ito) + cycle * count.sqrt() * z
    y = (g - 1.0) * pace * along
    few = 1.0 - y * (0.5 - y * ((1 / 3) - y * 0.25))
    bend = torch.where(y.abs() < 0.03, few, pm.log((1.0 + y).clamp(min=1e-30)) / y)
    moved = bound - side * reach * (x * pm.exp(-pace * along * bend)).clamp(max=1.0)
    return torch.where(count > 0, pm.clip(moved, low, high), w)


@parallel_kernel
def _rewrite(out, start, fresh, packed, pulses, keys, images, steps, reset, write, cycle):
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
                _pulses(w, n, p, z, np.float32(chunk * _CHUNK), cycle)
            finish(out, w, seen, array, m, block)


@inlined
def _pulses(w, n, p, z, done, cycle):
    zero, one, half = np.float32(0.0), np.float32(1.0), np.float32(0.5)
    for i in range(BLOCK):
        up, count = mask(n[i] > zero), clip(abs(n[i]) - done, zero, np.float32(_CHUNK))
        k, g = pick(up, p[0, i], p[2, i]), pick(up, p[1, i], p[3, i])
        reach, high, low = p[4, i], p[5, i], p[6, i]
        bound, side = pick(up, high, low), pick(up, one, -one)
        x = clip(side * (bound - w[i]) / reach, np.float32(1e-18), one)
        pace = k * exp((g - one) * log(x))  # relative loss of distance by the first pulse
        quiet = max(one + (g - one) * pace * count, half)
        ito = half * (one + cycle * cycle) * g * half * (pace + pace / quiet)
        along = count * (one + ito) + cycle * np.sqrt(count) * z[0, i]
        y = (g - one) * pace * along
        few = one - y * (half - y * (np.float32(1 / 3) - y * np.float32(0.25)))
        bend = pick(mask(abs(y) < np.float32(0.03)), few, log(max(one + y, np.float32(1e-30))) / y)
        moved = bound - side * reach * min(x * exp(-pace * along * bend), one)
        w[i] = pick(mask(count > zero), clip(moved, low, high), w[i])
