"""Linear steps with multiplicative cycle noise: aihwkit's LinearStepDevice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numba import prange
from torch import Tensor

from devices.cell import Description
from devices.compile import inlined, parallel_kernel
from devices.philox import BLOCK, normals
from devices.population import Population
from devices.pulsed import KernelCell, copy_in, copy_out, load
from devices.simd import clip, exp, mask, pick
from devices.stream import Stream


@final
@dataclass(frozen=True, kw_only=True)
class LinearStepCell(KernelCell):
    """The step changes linearly with the state:

        up    w <- clip(w + (slope_up w + s_up) (1 + c xi))
        down  w <- clip(w - (slope_down w + s_down) (1 + c xi))
        visible w + write_noise_std dw_min xi, drawn once for each write

    slope_up = -abs(gamma_up + gamma_up_dtod xi) s_up / w_max, slope_down = -abs(...) s_down / w_min, with
    the device's own bounds in place of w_max and w_min unless mean_bound_reference.

    n pulses are taken at once, with a = -slope_up or slope_down: away from the virtual bound s/a the
    distance shrinks by (1 - a)^n in the mean, its second moment by [(1 - a)^2 + a^2 c^2]^n, both exact;
    the law between them is taken as normal, and the bounds are applied once, at the end. For a c << 1 and
    bounds some steps away (EcRam: a = 1e-3, |w| < 0.1 of bounds near 1) no test can tell it from the loop.
    """

    population: Population
    gamma_up: float  #: relative loss of the up step on the way to the upper bound [1]
    gamma_down: float  #: likewise down [1]
    gamma_up_dtod: float  #: spread of gamma_up over devices [1]
    gamma_down_dtod: float  #: spread of gamma_down over devices [1]
    mean_bound_reference: bool  #: slopes refer to the population's bounds, not the device's
    dw_min_std: float  #: c, cycle-to-cycle noise of a step, relative to it [1]
    write_noise_std: float  #: noise of a programmed state, in units of dw_min [1]
    reset_std: float  #: noise of a reset [w]

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

        def gamma(side: str, mean: float, dtod: float) -> Tensor:
            xi = rng.child("gamma_" + side).normal(shape) if spread else torch.zeros_like(values["max_bound"])
            return (mean + spread * dtod * xi).abs_()

        high, low = values["max_bound"], values["min_bound"]
        if self.mean_bound_reference:
            high, low = torch.tensor(self.population.w_max), torch.tensor(self.population.w_min)
        up = -gamma("up", self.gamma_up, self.gamma_up_dtod) * values["dwmin_up"] / high
        down = -gamma("down", self.gamma_down, self.gamma_down_dtod) * values["dwmin_down"] / low
        return values | {"slope_up": up, "slope_down": down}

    def _constants(self, values: dict[str, Tensor]) -> list[Tensor]:
        sides = []
        for s, a in (
            (values["dwmin_up"], -values["slope_up"]),
            (-values["dwmin_down"], values["slope_down"]),
        ):
            slow = a.double().clamp(1e-12, 1.0 - 1e-7)
            sides += [s, a, torch.log1p(-slow), 1.0 / slow]
        bounds = [values["max_bound"], values["min_bound"], values["reset_bias"]]
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
        z, words = np.zeros((3, BLOCK), np.float32), np.empty((3, BLOCK), np.uint32)
        w, n = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
        for m in range(out.shape[1]):
            most = load(n, pulses, array, m, block)
            lanes = 2 if most == 0 else 3
            normals(z, words, keys[array], block, steps[m % len(steps)], images[m // len(steps)], 0, lanes)
            if fresh:
                for i in range(BLOCK):
                    w[i] = clip(p[10, i] + reset * z[0, i], p[9, i], p[8, i])
            else:
                copy_in(w, start, array, block, m)
            if most > 0:
                _pulses(w, n, p, z, cycle)
            for i in range(BLOCK):
                w[i] += write * z[1, i]
            copy_out(out, w, array, m, block)


@inlined
def _pulses(w, n, p, z, cycle):
    one = np.float32(1.0)
    for i in range(BLOCK):
        up, count = mask(n[i] > np.float32(0.0)), abs(n[i])
        s, a = pick(up, p[0, i], p[4, i]), pick(up, p[1, i], p[5, i])
        rate, inverse = pick(up, p[2, i], p[6, i]), pick(up, p[3, i], p[7, i])
        left = exp(count * rate)
        steps = (one - left) * inverse  # (1 - (1-a)^n) / a
        few = count * (one - np.float32(0.5) * a * (count - one))  # where the difference cancels
        steps = pick(mask(a * count < np.float32(2e-3)), few, steps)
        first = s - a * w[i]
        second = np.float32(0.5) * count * a * a * cycle * cycle
        noise = cycle * np.sqrt(count * (one + second)) * left / max(one - a, np.float32(1e-6))
        x = clip(w[i] + first * (steps + noise * z[2, i]), p[9, i], p[8, i])
        w[i] = pick(mask(count > np.float32(0.0)), x, w[i])
