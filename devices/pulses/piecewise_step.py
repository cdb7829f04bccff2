"""Steps that follow a measured curve: aihwkit's PiecewiseStepDevice."""

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
from memsim.devices.numerics.simd import clip, log, mask, pick
from memsim.devices.numerics.walk import kept_between
from memsim.devices.pulses.kernel_parts import begin, finish
from memsim.devices.pulses.population import PopulationCell
from memsim.devices.pulses.writes import Writes, by_chunks, run_kernel

_CHUNK = 16  #: pulses taken at once


@final
@dataclass(frozen=True, kw_only=True)
class PiecewiseStepCell(PopulationCell):
    """The step is interpolated between nodes at equal distances from min_bound to max_bound:

        up    w <- clip(w + s_up v_up(w) (1 + c xi))
        down  w <- clip(w - s_down v_down(w) (1 + c xi))
        visible w + write_noise_std dw_min xi, drawn once for each write

    Up to 16 pulses are taken at once, as one Runge-Kutta step of fourth order along dw = s v dN. The noise
    moves the device along the same curve: N = n + c sqrt(n) xi - (1 + c^2)/2 ln(v at the end / v at the
    begin), Ito's term. For the bounds see :func:`memsim.devices.numerics.walk.kept_between`; for steps that
    change little over 16 pulses.
    """

    piecewise_up: tuple[float, ...]  #: v_up at the nodes, 2 or more, not negative [1]
    piecewise_down: tuple[float, ...]  #: v_down likewise, as many nodes [1]

    def __post_init__(self) -> None:
        super().__post_init__()
        for side in ("piecewise_up", "piecewise_down"):
            nodes = tuple(float(v) for v in getattr(self, side))
            if len(nodes) < 2 or not all(0.0 <= v <= 1e3 for v in nodes):
                raise ValueError(f"{self.name}: {side}={nodes}: two nodes or more, each 0 to 1000")
            object.__setattr__(self, side, nodes)
        if len(self.piecewise_up) != len(self.piecewise_down):
            raise ValueError(f"{self.name}: piecewise_up and piecewise_down need equally many nodes")

    def _constants(self, values: dict[str, Tensor]) -> list[Tensor]:
        high, low = values["max_bound"], values["min_bound"]
        reach = (high - low).clamp(min=1e-6)
        return [
            values["dwmin_up"] / reach,
            values["dwmin_down"] / reach,
            reach,
            high,
            low,
            values["reset_bias"],
        ]

    def _evolve(self, packed: Tensor, writes: Writes, *, visible: bool) -> Tensor:
        nodes = np.array([self.piecewise_up, self.piecewise_down], np.float32)
        return rewrite(packed, writes, *self._noises(visible), nodes)  # type: ignore[arg-type]


@operation
def rewrite(
    packed: Tensor, writes: Writes, reset: float, write: float, cycle: float, nodes: np.ndarray
) -> Tensor:
    """Reset (or begin), pulse, add write noise: float32 (arrays, writes, cells).

    reset, write and cycle are spreads; nodes (2, nodes) the curves up and down.
    """
    curves = torch.tensor(nodes, device=packed.device)
    law = partial(_chunk, cycle=float(cycle), nodes=curves)
    return by_chunks(packed, writes, reset, write, _CHUNK, law)


@rewrite.kernel("cpu", torch.float32)
def _(packed, writes, reset, write, cycle, nodes):
    return run_kernel(_rewrite, packed, writes, reset, write, cycle, nodes)


def _chunk(
    w: Tensor,
    n: Tensor,
    p: tuple[Tensor, ...],
    z: Tensor,
    word: Tensor,
    done: int,
    cycle: float,
    nodes: Tensor,
) -> Tensor:
    """The torch form of :func:`_pulses`."""
    up, count = n > 0, (n.abs() - done).clamp(0.0, float(_CHUNK))
    k, (reach, high, low) = torch.where(up, p[0], -p[1]), p[2:5]
    at = partial(_curve, nodes, (~up).long())
    begin = x = (w - low) / reach
    v1 = at(x)
    lost = pm.log(at(x + k * count * v1).clamp(min=1e-6) / v1.clamp(min=1e-6))
    ito = -0.5 * (1.0 + cycle * cycle) * lost
    h = k * (count + ito + cycle * count.sqrt() * z)
    v2 = at(x + 0.5 * h * v1)
    v3 = at(x + 0.5 * h * v2)
    v4 = at(x + h * v3)
    x = x + h * (1 / 6) * (v1 + 2.0 * (v2 + v3) + v4)
    noise = cycle * k.abs() * at(x)
    zero = torch.zeros_like(x)
    x = pm.kept_between(begin, x, zero, zero + 1.0, noise, count, word)
    return torch.where(count > 0, pm.clip(low + reach * x, low, high), w)


def _curve(nodes: Tensor, side: Tensor, x: Tensor) -> Tensor:
    """The torch form of :func:`_at`."""
    place = x.clamp(0.0, 1.0) * float(nodes.shape[1] - 1)
    node = place.long().clamp(0, nodes.shape[1] - 2)
    return nodes[side, node] + (place - node.to(place)) * (nodes[side, node + 1] - nodes[side, node])


@parallel_kernel
def _rewrite(out, start, fresh, packed, pulses, keys, images, steps, reset, write, cycle, nodes):
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
                _pulses(w, n, p, z, words, np.float32(chunk * _CHUNK), cycle, nodes)
            finish(out, w, seen, array, m, block)


@inlined
def _pulses(w, n, p, z, words, done, cycle, nodes):
    zero, one, half, tiny = np.float32(0.0), np.float32(1.0), np.float32(0.5), np.float32(1e-6)
    for i in range(BLOCK):
        rising = n[i] > zero
        up, side, count = mask(rising), np.int32(not rising), clip(abs(n[i]) - done, zero, np.float32(_CHUNK))
        k = pick(up, p[0, i], -p[1, i])
        reach, high, low = p[2, i], p[3, i], p[4, i]
        x = (w[i] - low) / reach
        v1 = _at(nodes, side, x)
        lost = log(max(_at(nodes, side, x + k * count * v1), tiny) / max(v1, tiny))
        ito = -half * (one + cycle * cycle) * lost
        h = k * (count + ito + cycle * np.sqrt(count) * z[0, i])
        v2 = _at(nodes, side, x + half * h * v1)
        v3 = _at(nodes, side, x + half * h * v2)
        v4 = _at(nodes, side, x + h * v3)
        x += h * np.float32(1 / 6) * (v1 + np.float32(2.0) * (v2 + v3) + v4)
        noise = cycle * abs(k) * _at(nodes, side, x)
        x = kept_between((w[i] - low) / reach, x, zero, one, noise, count, words[0, i])
        w[i] = pick(mask(count > zero), clip(low + reach * x, low, high), w[i])


@inlined
def _at(nodes, side, x):
    """The curve at the relative position x, its end values beyond the bounds."""
    place = clip(x, np.float32(0.0), np.float32(1.0)) * np.float32(nodes.shape[1] - 1)
    last = np.int32(nodes.shape[1] - 2)
    node = max(min(np.int32(place), last), np.int32(0))  # whatever a padded cell holds
    part = place - np.float32(node)
    return nodes[side, node] + part * (nodes[side, node + 1] - nodes[side, node])
