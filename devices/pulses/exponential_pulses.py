"""Exponential steps with noise of their own, pulse by pulse: aihwkit's ExpStepDevice with complex cycle
noise, and so its PCM preset.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.check import check
from memsim.devices.numerics import plain_math as pm
from memsim.devices.numerics.compile import inlined, parallel_kernel
from memsim.devices.numerics.operation import operation
from memsim.devices.numerics.philox import BLOCK, nearly_normals_of
from memsim.devices.numerics.simd import clip, exp, mask, pick, whole
from memsim.devices.pulses.kernel_parts import begin, finish
from memsim.devices.pulses.one_by_one import GROUP, WIDE, order
from memsim.devices.pulses.population import PopulationCell
from memsim.devices.pulses.writes import Writes, begun_within_bounds, counts, one_by_one, run_kernel, seen


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

    def _evolve(self, packed: Tensor, writes: Writes, *, visible: bool) -> Tensor:
        reset, write, _ = self._noises(visible)
        c = self.strength("cycle-noise") * self.dw_min_std
        curve = [
            self.A_up, self.A_down, self.gamma_up * self.b, -self.gamma_down * self.b,
            c, c * self.dw_min_std_add, c * self.dw_min_std_slope,
        ]  # fmt: skip
        return rewrite(packed, writes, reset, write, np.array(curve, np.float32))  # type: ignore[arg-type]


@operation
def rewrite(packed: Tensor, writes: Writes, reset: float, write: float, curve: np.ndarray) -> Tensor:
    """Reset (or begin), pulse one by one, add write noise: float32 (arrays, writes, cells).

    reset and write are spreads; curve: A_up, A_down, their offsets gamma b, and the three noises of a pulse.
    """
    A_up, A_down, offset_up, offset_down, c, add, slope = torch.tensor(curve, device=packed.device)
    w, p = begun_within_bounds(packed, writes, reset)
    n, most = counts(writes)
    up, low, high = n > 0, p[5], p[4]
    s, x = torch.where(up, p[0], -p[1]), torch.where(up, p[2], p[3])
    weight = torch.where(up, A_up * pm.exp(offset_up), A_down * pm.exp(offset_down))

    def pulse(w: Tensor, z: Tensor, part: Tensor) -> Tensor:
        factor = part * (s + c * s.abs() * z)
        rest = w + part * (add + slope * w.abs()) * z
        return pm.clip(rest + factor * (1.0 - weight * pm.exp(x * w)).clamp(min=0.0), low, high)

    return seen(one_by_one(w, n, writes, most, pulse), writes, write)


@rewrite.kernel("cpu", torch.float32)
def _(packed, writes, reset, write, curve):
    return run_kernel(_rewrite, packed, writes, reset, write, curve)


@parallel_kernel
def _rewrite(out, start, fresh, packed, pulses, keys, images, steps, reset, write, curve):
    blocks = packed.shape[1]
    for job in prange(out.shape[0] * blocks):
        array, block = job // blocks, job % blocks
        p, key = packed[array, block], keys[array]
        z, seen = np.zeros((GROUP, BLOCK), np.float32), np.zeros(BLOCK, np.float32)
        w, n, law = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32), np.empty((7, BLOCK), np.float32)
        cells, room = np.zeros(BLOCK + 1, np.uint32), np.empty((2, BLOCK + 1), np.uint32)
        for m in range(out.shape[1]):
            image, step = images[m // len(steps)], steps[m % len(steps)]
            most = begin(
                w, n, seen, z, p, start, fresh, pulses, array, m, block, key, image, step, reset, write
            )  # fmt: skip
            if most > 0:
                more = order(cells, n, most, room)
                _choose(law, w, n, p, cells[: whole(more[0], WIDE)], curve)
                for pulse in range(most):
                    if pulse % GROUP == 0:
                        nearly_normals_of(z, cells, more[pulse], key, block, step, image, 2 + pulse)
                    slots, done = whole(more[pulse], WIDE), np.float32(pulse)
                    _pulse(law, slots, z[pulse % GROUP], done, curve[4], curve[5], curve[6])
                for slot in range(more[0]):
                    w[cells[slot]] = law[6, slot]
            finish(out, w, seen, array, m, block)


@inlined
def _choose(law, w, n, p, cells, curve):
    """Of the cell in each slot: s, A exp(offset) and x of its step s max(1 - A exp(offset + x w), 0) in its
    direction; pulses, bounds, state.
    """
    up_weight, down_weight = curve[0] * exp(curve[2]), curve[1] * exp(curve[3])
    for slot in range(len(cells)):
        i = cells[slot]
        up = mask(n[i] > np.float32(0.0))
        law[0, slot], law[1, slot] = pick(up, p[0, i], -p[1, i]), pick(up, up_weight, down_weight)
        law[2, slot], law[3, slot] = pick(up, p[2, i], p[3, i]), abs(n[i])
        law[4, slot], law[5, slot], law[6, slot] = p[5, i], p[4, i], w[i]


@inlined
def _pulse(law, slots, z, done, c, add, slope):
    zero, one = np.float32(0.0), np.float32(1.0)
    s, weight, x, count, low, high, w = law[0], law[1], law[2], law[3], law[4], law[5], law[6]
    for i in range(slots):
        part = clip(count[i] - done, zero, one)  # of this pulse: 1 but for a fraction, 0 after the last
        factor = part * (s[i] + c * abs(s[i]) * z[i])
        rest = w[i] + part * (add + slope * abs(w[i])) * z[i]
        step = max(one - weight[i] * exp(x[i] * w[i]), zero)
        w[i] = clip(rest + factor * step, low[i], high[i])
