"""Phase-change memory, partial SET pulses in microsiemens: an affine law for the mean and for the spread
of a pulse.

Source: Nandakumar et al., J. Appl. Phys. 124, 152135 (2018), in the simplified form of Demirag's JAX code
(Forschungszentrum Juelich).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.cell import Description
from memsim.devices.numerics import plain_math as pm
from memsim.devices.numerics import plain_philox
from memsim.devices.numerics.compile import inlined, parallel_kernel
from memsim.devices.numerics.operation import operation
from memsim.devices.numerics.philox import BLOCK, nearly_normals, nearly_normals_of
from memsim.devices.numerics.simd import clip, mask, pick, whole
from memsim.devices.numerics.stream import Stream
from memsim.devices.pulses.kernel_parts import copy_in, copy_out, load
from memsim.devices.pulses.one_by_one import GROUP, WIDE, order
from memsim.devices.pulses.pulsed import KernelCell
from memsim.devices.pulses.writes import Writes, constants, counts, one_by_one, run_kernel

_MICRO = 1e-6


@final
@dataclass(frozen=True, kw_only=True)
class Nandakumar2018Cell(KernelCell):
    """G in uS inside the law, siemens outside:

        SET    G <- clip(G + gain (m1 G + m0 + (s1 G + s0) xi), low, bound)
        RESET  G = max(low (1 + reset_std xi), floor)
        read   G (t / t_c)^-0.04 + (r1 G + r0) xi, with the drift factor 1: the read follows the write at once

    gain and bound differ from device to device. Only a RESET lowers G; used as a pair. Pulses are taken
    one by one.
    """

    mean: tuple[float, float] = (-0.084, 0.892)  #: m1 [1], m0 [uS]
    spread: tuple[float, float] = (0.09, 0.575)  #: s1 [1], s0 [uS]
    low: float = 0.1  #: lowest conductance under pulses, and the level of a RESET [uS]
    high: float = 20.0  #: highest conductance of a nominal device [uS]
    reset_std: float = 0.1  #: spread of a RESET, relative to `low` [1]
    floor: float = 0.01  #: lowest conductance after a RESET [uS]
    read_std: tuple[float, float] = (0.03, 0.13)  #: r1 [1], r0 [uS]
    step_spread: float = 0.2  #: device-to-device spread of a pulse: an ASSUMPTION, the source gives none [1]
    bound_spread: float = 0.1  #: device-to-device spread of `high`: an ASSUMPTION, the source gives none [1]

    unit: str = "S"
    one_sided: ClassVar[bool] = True
    effects: ClassVar[tuple[str, ...]] = ("device-spread", "cycle-noise", "reset-noise", "read-noise")
    missing: ClassVar[dict[str, str]] = KernelCell.missing | {
        "relax": "its drift is fitted 38.6 s and later; attention is read right after it is written",
    }

    @property
    def read_law(self) -> tuple[float, float]:
        slope, constant = self.read_std
        return self.strength("read-noise") * constant * _MICRO, self.strength("read-noise") * slope

    @property
    def reset_spread(self) -> float:
        return self.strength("reset-noise") * self.reset_std * self.low * _MICRO

    def describe(self) -> Description:
        states = (self.high - self.low) / self.mean[1]
        return self._description(states=states, low=self.low * _MICRO, high=self.high * _MICRO)

    def _values(self, shape: Sequence[int], rng: Stream) -> dict[str, Tensor]:
        nominal = torch.ones((*rng.keys.shape, *shape))
        gain, bound = nominal, self.high * nominal
        if spread := self.strength("device-spread"):
            gain = (1.0 + spread * self.step_spread * rng.child("gain").normal(shape)).abs_()
            bound = self.high * (1.0 + spread * self.bound_spread * rng.child("max_bound").normal(shape))
        return {"gain": gain, "max_bound": bound.clamp(min=self.low)}

    def _constants(self, values: dict[str, Tensor]) -> list[Tensor]:
        return [values["gain"], values["max_bound"]]

    def _evolve(self, packed: Tensor, writes: Writes, *, visible: bool) -> Tensor:
        reset = self.strength("reset-noise") * self.reset_std
        cycle, read = self.strength("cycle-noise"), visible * self.strength("read-noise")
        numbers = [
            *self.mean, cycle * self.spread[0], cycle * self.spread[1], self.low, reset * self.low,
            self.floor, read * self.read_std[0], read * self.read_std[1],
        ]  # fmt: skip
        return rewrite(packed, writes, np.array(numbers, np.float32))


@operation
def rewrite(packed: Tensor, writes: Writes, law: np.ndarray) -> Tensor:
    """RESET (or begin), pulse one by one, read: siemens, float32 (arrays, writes, cells).

    law: m1, m0, s1, s0, low, spread of a RESET, floor, r1, r0.
    """
    m1, m0, s1, s0, low, spread, floor, r1, r0 = law.tolist()
    gain, bound = constants(packed, writes.rows.cells)
    n, most = counts(writes)
    if writes.begin is not None:
        w = writes.begin.expand(writes.rows.shape) * (1 / _MICRO)
    else:
        w = (low + spread * plain_philox.nearly_normals(writes.rows, 0)).clamp(min=floor)

    def pulse(w: Tensor, z: Tensor, part: Tensor) -> Tensor:
        change = m1 * w + m0 + (s1 * w + s0) * z
        return torch.where(part > 0, pm.clip(w + part * gain * change, low, bound), w)

    w = one_by_one(w, n, writes, most, pulse)
    return _MICRO * (w + (r1 * w + r0) * plain_philox.nearly_normals(writes.rows, 1))


@rewrite.kernel("cpu", torch.float32)
def _(packed, writes, law):
    return run_kernel(_rewrite, packed, writes, law)


@parallel_kernel
def _rewrite(out, start, fresh, packed, pulses, keys, images, steps, law):
    blocks = packed.shape[1]
    micro, per_micro = np.float32(1e-6), np.float32(1e6)
    for job in prange(out.shape[0] * blocks):
        array, block = job // blocks, job % blocks
        p = packed[array, block]
        z, seen = np.zeros((GROUP, BLOCK), np.float32), np.zeros(BLOCK, np.float32)
        w, n, own = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32), np.empty((4, BLOCK), np.float32)
        cells, room = np.zeros(BLOCK + 1, np.uint32), np.empty((2, BLOCK + 1), np.uint32)
        for m in range(out.shape[1]):
            image, step = images[m // len(steps)], steps[m % len(steps)]
            most = load(n, pulses, array, m, block)
            nearly_normals(z, keys[array], block, step, image, 0, 2)
            seen[:] = z[1]
            if fresh:
                for i in range(BLOCK):
                    w[i] = max(law[4] + law[5] * z[0, i], law[6])
            else:
                copy_in(w, start, array, m, block)
                for i in range(BLOCK):
                    w[i] *= per_micro
            if most > 0:
                more = order(cells, n, most, room)
                for slot in range(whole(more[0], WIDE)):
                    i = cells[slot]
                    own[0, slot], own[1, slot], own[2, slot], own[3, slot] = p[0, i], p[1, i], n[i], w[i]
                for pulse in range(most):
                    if pulse % GROUP == 0:
                        nearly_normals_of(z, cells, more[pulse], keys[array], block, step, image, 2 + pulse)
                    _pulse(own, whole(more[pulse], WIDE), z[pulse % GROUP], np.float32(pulse), law)
                for slot in range(more[0]):
                    w[cells[slot]] = own[3, slot]
            for i in range(BLOCK):
                w[i] = micro * (w[i] + (law[7] * w[i] + law[8]) * seen[i])
            copy_out(out, w, array, m, block)


@inlined
def _pulse(own, slots, z, done, law):
    """One pulse of every slot: gain, bound, pulses and state."""
    gain, bound, count, w = own[0], own[1], own[2], own[3]
    m1, m0, s1, s0, low = law[0], law[1], law[2], law[3], law[4]
    for i in range(slots):
        part = clip(count[i] - done, np.float32(0.0), np.float32(1.0))  # of this pulse: 1 but for a fraction
        change = m1 * w[i] + m0 + (s1 * w[i] + s0) * z[i]
        x = clip(w[i] + part * gain[i] * change, low, bound[i])
        w[i] = pick(mask(part > np.float32(0.0)), x, w[i])


def pcm_nandakumar2018(**changes: Any) -> Nandakumar2018Cell:
    """The preset `pcm-nandakumar2018`."""
    numbers: dict[str, Any] = {
        "name": "pcm-nandakumar2018",
        "technology": "PCM",
        "source": "Nandakumar et al., J. Appl. Phys. 124, 152135 (2018), simplified; spread assumed",
        "n_max": 16,
    }
    return Nandakumar2018Cell(**(numbers | changes))
