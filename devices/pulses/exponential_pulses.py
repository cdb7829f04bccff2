"""Exponential steps with noise of their own, pulse by pulse: aihwkit's ExpStepDevice with complex cycle
noise, and so its PCM preset.
"""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numba import prange
from torch import Tensor

from devices.check import check
from devices.numerics.compile import inlined, parallel_kernel
from devices.numerics.philox import BLOCK, nearly_normals
from devices.numerics.simd import clip, exp, mask, pick
from devices.pulses.population import PopulationCell
from devices.pulses.pulsed import begin, finish

_GROUP = 8  #: pulses whose noise is drawn at once


@dataclass(frozen=True, kw_only=True)
class ExponentialCell(PopulationCell):
    """A cell whose step is 1 - A exp(+-gamma z), z = 2 a w / (max_bound - min_bound) + b."""

    a: float  #: scale of z [1]
    b: float  #: offset of z [1]
    gamma_up: float  #: exponent of the up step [1]
    gamma_down: float  #: exponent of the down step [1]
    A_up: float  #: weight of the exponential in the up step [1]
    A_down: float  #: likewise down [1]

    def __post_init__(self) -> None:
        super().__post_init__()
        check(
            self, self.name, a=(-1e3, 1e3), b=(-1e3, 1e3), gamma_up=(0, 1e3), gamma_down=(0, 1e3),
            A_up=(-1e6, 1e6), A_down=(-1e6, 1e6),
        )  # fmt: skip


@final
@dataclass(frozen=True, kw_only=True)
class ExponentialPulsesCell(ExponentialCell):
    """The step changes exponentially with the state, z = 2 a w / (max_bound - min_bound) + b:

        up    dw = s_up max(1 - A_up exp(gamma_up z), 0)
        down  dw = -s_down max(1 - A_down exp(-gamma_down z), 0)
        w <- clip(w + dw + c (abs(dw) + std_add + std_slope abs(w)) xi)
        visible w + write_noise_std dw_min xi, drawn once for each write

    The first steps of PCM (A_up = -27) are too large for a closed form, and this noise does not shrink with
    the step: pulses are taken one by one. PCM moves up only and is used as a pair: LTP on one device, LTD
    on the other.
    """

    dw_min_std_add: float  #: part of that noise that is always there [w]
    dw_min_std_slope: float  #: part of that noise that grows with the state [1]
    up_only: bool = False  #: whether the source's pulses only raise it

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, self.name, dw_min_std_add=(0, 1e3), dw_min_std_slope=(0, 1e3))

    @property
    def one_sided(self) -> bool:  # type: ignore[override]
        return self.up_only

    def _constants(self, values: dict[str, Tensor]) -> list[Tensor]:
        scale = 2.0 * self.a / (values["max_bound"] - values["min_bound"]).clamp(min=1e-6)
        bounds = [values["max_bound"], values["min_bound"], values["reset_bias"]]
        return [
            values["dwmin_up"],
            values["dwmin_down"],
            scale * self.gamma_up,
            -scale * self.gamma_down,
            *bounds,
        ]

    def _evolve(self, out: np.ndarray, start: np.ndarray, fresh: bool, *rest: Any, visible: bool) -> None:
        reset, write, _ = self._noises(visible)
        c = self.strength("cycle-noise") * self.dw_min_std
        curve = [
            self.A_up, self.A_down, self.gamma_up * self.b, -self.gamma_down * self.b,
            c, c * self.dw_min_std_add, c * self.dw_min_std_slope,
        ]  # fmt: skip
        _rewrite(out, start, fresh, *rest, reset, write, np.array(curve, np.float32))


@parallel_kernel
def _rewrite(out, start, fresh, packed, pulses, keys, images, steps, reset, write, curve):
    blocks = packed.shape[1]
    for job in prange(out.shape[0] * blocks):
        array, block = job // blocks, job % blocks
        p, key = packed[array, block], keys[array]
        z, seen = np.zeros((_GROUP, BLOCK), np.float32), np.zeros(BLOCK, np.float32)
        w, n, law = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32), np.empty((4, BLOCK), np.float32)
        for m in range(out.shape[1]):
            image, step = images[m // len(steps)], steps[m % len(steps)]
            most = begin(
                w, n, seen, z, p, start, fresh, pulses, array, m, block, key, image, step, reset, write
            )  # fmt: skip
            if most > 0:
                _choose(law, n, p, curve)
            for pulse in range(most):
                if pulse % _GROUP == 0:
                    nearly_normals(z, key, block, step, image, 2 + pulse, min(most - pulse, _GROUP))
                xi, done = z[pulse % _GROUP], np.float32(pulse)
                _pulse(w, law, p[5], p[4], xi, done, curve[4], curve[5], curve[6])
            finish(out, w, seen, array, m, block)


@inlined
def _choose(law, n, p, curve):
    """Each cell's step in its direction, s - A s exp(x w): s, A s exp(offset), x; and how many pulses."""
    up_weight, down_weight = curve[0] * exp(curve[2]), curve[1] * exp(curve[3])
    for i in range(BLOCK):
        up = mask(n[i] > np.float32(0.0))
        s = pick(up, p[0, i], -p[1, i])
        law[0, i], law[1, i] = s, s * pick(up, up_weight, down_weight)
        law[2, i], law[3, i] = pick(up, p[2, i], p[3, i]), abs(n[i])


@inlined
def _pulse(w, law, low, high, z, done, c, add, slope):
    zero, one = np.float32(0.0), np.float32(1.0)
    for i in range(BLOCK):
        s, part = law[0, i], clip(law[3, i] - done, zero, one)  # of this pulse: 1 but for a fraction
        change = s - law[1, i] * exp(law[2, i] * w[i])
        change = pick(mask(s > zero), max(change, zero), min(change, zero))
        change += (c * abs(change) + add + slope * abs(w[i])) * z[i]
        x = clip(w[i] + part * change, low[i], high[i])
        w[i] = pick(mask(part > zero), x, w[i])
