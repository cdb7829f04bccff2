"""Soft bounds with a reference device and additive cycle noise: aihwkit's SoftBoundsReferenceDevice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numba import prange
from torch import Tensor

from devices.cell import Description
from devices.compile import inlined, kernel, parallel_kernel
from devices.philox import BLOCK, normals
from devices.population import Population
from devices.pulsed import KernelCell, copy_in, copy_out, load
from devices.simd import clip, exp, mask, pick
from devices.stream import Stream

_TAIL = 2  #: last pulses taken one by one
_NONE = np.float32(-30.0)  #: a logarithm of nothing that squares without becoming denormal
_FOLD = np.float32(0.5826)  #: Siegmund's correction: where a walk of unit steps clipped at 0 seems reflected


@final
@dataclass(frozen=True, kw_only=True)
class SoftBoundsReferenceCell(KernelCell):
    """Each pulse takes the device a fixed part of the way to its bound; a reference device is subtracted:

        u = w + reference
        up    u <- clip(u + s_up (1 - u / max_bound) + s_up c xi)
        down  u <- clip(u - s_down (1 - u / min_bound) + s_down c xi)
        visible w + write_noise_std dw_min xi, drawn once for each write

    reference = reference_mean + reference_std xi, plus the device's symmetry point
    (s_up - s_down) / (s_up / max_bound - s_down / min_bound) where that is subtracted; the compiled tile
    then also resets w (not u) to the symmetry point, and so does this cell: w <- clip(reset_bias +
    reset_std xi).

    All but the last two pulses are one affine map with Gaussian noise, exact but for the clipping, which is
    taken as reflection at bound + 0.5826 s c; the last two are taken one by one, clipped. Mean and spread
    then agree with the loop over pulses within 0.04 % of the range, Kolmogorov's distance is below 0.006.
    For reram-om's mean it is 0.08, 0.2, 1 % at strengths 2, 4, 10 of cycle noise, and 0.3, 2, 8 % at those
    of device spread.
    """

    population: Population
    dw_min_std: float  #: c, cycle-to-cycle noise of a step, relative to the device's step [1]
    write_noise_std: float  #: noise of a programmed state, in units of dw_min [1]
    reset_std: float  #: noise of a reset [w]
    reference_mean: float  #: added to every reference [w]
    reference_std: float  #: spread of the reference over devices [w]
    subtract_symmetry_point: bool  #: whether the symmetry point is in the reference

    @property
    def effects(self) -> tuple[str, ...]:  # type: ignore[override]
        write = ("write-noise",) if self.write_noise_std > 0 else ()
        return ("device-spread", "cycle-noise", *write, "reset-noise")

    def describe(self) -> Description:
        p = self.population
        return self._description(states=(p.w_max - p.w_min) / p.dw_min, low=p.w_min, high=p.w_max)

    def _values(self, shape: Sequence[int], rng: Stream) -> dict[str, Tensor]:
        spread = self.strength("device-spread")
        values = self.population.draw(shape, rng=rng, spread=spread)
        reference = torch.full_like(values["max_bound"], self.reference_mean)
        if spread:
            reference += spread * self.reference_std * rng.child("reference").normal(shape)
        if self.subtract_symmetry_point:
            up, down = values["dwmin_up"], values["dwmin_down"]
            point = (up - down) / (up / values["max_bound"] - down / values["min_bound"])
            reference += point
            values["reset_bias"] = values["reset_bias"] + point
        return values | {"reference": reference}

    def _constants(self, values: dict[str, Tensor]) -> list[Tensor]:
        sides = []
        for sign, step, bound in ((1.0, "dwmin_up", "max_bound"), (-1.0, "dwmin_down", "min_bound")):
            s = values[step].double()
            a = s / values[bound].double().abs().clamp(min=1e-30)
            inside = a.clamp(max=1.0 - 1e-7)
            spread = s / (inside * (2.0 - inside)).sqrt()  # of the stationary state, for c = 1
            rate = torch.where(a < 1.0, torch.log1p(-inside), torch.tensor(-1e4, dtype=torch.float64))
            sides += [sign * s, a.clamp(max=1e6), rate, spread]
        bounds = [values["max_bound"], values["min_bound"], values["reference"], values["reset_bias"]]
        return [c.float() for c in sides + bounds]

    def _evolve(self, out: np.ndarray, start: np.ndarray, fresh: bool, *rest: Any, visible: bool) -> None:
        reset = self.strength("reset-noise") * self.reset_std
        write = visible * self.strength("write-noise") * self.write_noise_std * self.population.dw_min
        cycle = self.strength("cycle-noise") * self.dw_min_std
        _rewrite(out, start, fresh, *rest, np.float32(reset), np.float32(write), np.float32(cycle))


@parallel_kernel
def _rewrite(out, start, fresh, packed, pulses, keys, images, steps, reset, write, cycle):
    blocks = packed.shape[1]
    for job in prange(out.shape[0] * blocks):
        array, block = job // blocks, job % blocks
        p = packed[array, block]
        z, words = np.zeros((3 + _TAIL, BLOCK), np.float32), np.empty((3 + _TAIL, BLOCK), np.uint32)
        w, n = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
        for m in range(out.shape[1]):
            most = load(n, pulses, array, m, block)
            lanes = 2 if most == 0 else 3 + min(most, _TAIL)
            normals(z, words, keys[array], block, steps[m % len(steps)], images[m // len(steps)], 0, lanes)
            if fresh:
                for i in range(BLOCK):
                    w[i] = clip(p[11, i] + reset * z[0, i], p[9, i], p[8, i])
            else:
                copy_in(w, start, array, block, m)
            if most > 0:
                _pulses(w, n, p, z, cycle)
            for i in range(BLOCK):
                w[i] += write * z[1, i]
            copy_out(out, w, array, m, block)


@kernel
def _pulses(w, n, p, z, cycle):
    zero, one = np.float32(0.0), np.float32(1.0)
    for i in range(BLOCK):
        up, pulses = mask(n[i] > zero), abs(n[i])
        s, a = pick(up, p[0, i], p[4, i]), pick(up, p[1, i], p[5, i])
        rate, spread = pick(up, p[2, i], p[6, i]), pick(up, p[3, i], p[7, i]) * cycle
        high, low, u = p[8, i], p[9, i], w[i] + p[10, i]
        bound, side, noise = pick(up, high, low), pick(up, one, -one), abs(s) * cycle
        total = np.ceil(pulses)
        part = pulses - (total - one)  # of the last pulse: 1 unless n has a fraction
        ahead = total - np.float32(_TAIL)
        left = exp(max(max(ahead, zero) * rate, _NONE))
        spread = max(spread * np.sqrt(max(one - left * left, zero)), np.float32(1e-12))
        x = bound + side * _below(side * (bound - u), left, spread, _FOLD * noise, z[2, i])
        u = pick(mask(ahead > zero), clip(x, low, high), u)
        x = clip(u + (s - a * u + noise * z[4, i]), low, high)
        u = pick(mask(total > one), x, u)
        x = clip(u + part * (s - a * u + noise * z[3, i]), low, high)
        u = pick(mask(total > zero), x, u)
        w[i] = u - p[10, i]


@inlined
def _below(distance, left, spread, beyond, xi):
    """Where many pulses leave a device that stood `distance` inside its bound, seen from the bound.

    Reflection at the mirror, `beyond` the bound, of a walk that is drawn to the bound itself. Were it
    drawn to the mirror, its distance from there would be abs(z). It stays further in, by `beyond` (1 -
    left) where the mirror was never met, and where it was by the share that turns abs(z) into the
    stationary law, a cut normal.
    """
    one = np.float32(1.0)
    mean, scale = (distance + beyond) * left, one / spread
    y = abs(mean - spread * xi)
    x = y * scale
    # met: odds exp(-2 mean y / spread^2) that the mirror was met, given both ends. Mills' ratio of x is near
    # 2 / (x + sqrt(x^2 + 8 / pi)); the stationary law keeps the share 1 - sqrt(2 / pi) Mills of the drift.
    met = exp(max(-np.float32(2.0) * abs(mean) * scale * x, _NONE))
    mills = (one + met) * (x + np.sqrt(x * x + np.float32(2.5464791)))
    return beyond - y - beyond * (one - left) * (one - np.float32(3.1915382) * met / mills)
