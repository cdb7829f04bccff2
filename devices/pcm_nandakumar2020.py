"""Phase-change memory, partial SET pulses as exponential steps: aihwkit's PCM preset (an ExpStepDevice)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from numba import prange
from torch import Tensor

from devices.cell import Description
from devices.compile import inlined, parallel_kernel
from devices.philox import BLOCK, normals
from devices.population import Population
from devices.pulsed import KernelCell, copy_in, copy_out, load
from devices.simd import clip, exp, mask, pick
from devices.stream import Stream

_GROUP = 8  #: pulses whose noise is drawn at once


@final
@dataclass(frozen=True, kw_only=True)
class Nandakumar2020Cell(KernelCell):
    """Each SET pulse raises the device by a step that shrinks exponentially; only a reset lowers it:

        y = max(1 - A exp(gamma z), 0),  z = 2 a w / (max_bound - min_bound) + b
        w <- clip(w + s y + c (s y + std_add + std_slope abs(w)) xi)

    The first steps are too large for a closed form, so pulses are taken one by one. Used as a pair: LTP on
    one device, LTD on the other.
    """

    population: Population
    a: float  #: scale of z [1]
    b: float  #: offset of z [1]
    gamma: float  #: exponent of the step [1]
    A: float  #: weight of the exponential in the step [1]
    dw_min_std: float  #: c, cycle-to-cycle noise of a step [1]
    dw_min_std_add: float  #: part of that noise that is always there [w]
    dw_min_std_slope: float  #: part of that noise that grows with the state [1]
    reset_std: float  #: noise of a reset [w]

    one_sided: ClassVar[bool] = True
    effects: ClassVar[tuple[str, ...]] = ("device-spread", "cycle-noise", "reset-noise")

    def describe(self) -> Description:
        p = self.population
        return self._description(states=(p.w_max - p.w_min) / p.dw_min, low=p.w_min, high=p.w_max)

    def _values(self, shape: Sequence[int], rng: Stream) -> dict[str, Tensor]:
        return self.population.draw(shape, rng=rng, spread=self.strength("device-spread"))

    def _constants(self, values: dict[str, Tensor]) -> list[Tensor]:
        scale = 2.0 * self.a * self.gamma / (values["max_bound"] - values["min_bound"])
        return [values["dwmin_up"], scale, values["max_bound"], values["min_bound"], values["reset_bias"]]

    def _evolve(self, out: np.ndarray, start: np.ndarray, fresh: bool, *rest: Any, visible: bool) -> None:
        reset = self.strength("reset-noise") * self.reset_std
        c = self.strength("cycle-noise") * self.dw_min_std
        curve = np.array([self.A, self.gamma * self.b, c, c * self.dw_min_std_add, c * self.dw_min_std_slope])
        _rewrite(out, start, fresh, *rest, np.float32(reset), curve.astype(np.float32))


@parallel_kernel
def _rewrite(out, start, fresh, packed, pulses, keys, images, steps, reset, curve):
    blocks = packed.shape[1]
    for job in prange(out.shape[0] * blocks):
        array, block = job // blocks, job % blocks
        p = packed[array, block]
        z, words = np.zeros((_GROUP, BLOCK), np.float32), np.empty((_GROUP, BLOCK), np.uint32)
        w, n = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
        for m in range(out.shape[1]):
            image, step = images[m // len(steps)], steps[m % len(steps)]
            most = load(n, pulses, array, m, block)
            if fresh:
                normals(z, words, keys[array], block, step, image, 0, 1)
                for i in range(BLOCK):
                    w[i] = clip(p[4, i] + reset * z[0, i], p[3, i], p[2, i])
            else:
                copy_in(w, start, array, block, m)
            for pulse in range(most):
                if pulse % _GROUP == 0:
                    drawn = min(most - pulse, _GROUP)
                    normals(z, words, keys[array], block, step, image, 2 + pulse, drawn)
                done = np.float32(pulse)
                _pulse(w, n, p, z[pulse % _GROUP], done, curve[0], curve[1], curve[2], curve[3], curve[4])
            copy_out(out, w, array, m, block)


@inlined
def _pulse(w, n, p, z, done, A, offset, c, add, slope):
    for i in range(BLOCK):
        part = clip(n[i] - done, np.float32(0.0), np.float32(1.0))  # of this pulse: 1 unless n has a fraction
        y = max(np.float32(1.0) - A * exp(p[1, i] * w[i] + offset), np.float32(0.0))
        size = p[0, i] * y
        change = size + (c * size + add + slope * abs(w[i])) * z[i]
        x = clip(w[i] + part * change, p[3, i], p[2, i])
        w[i] = pick(mask(part > np.float32(0.0)), x, w[i])
