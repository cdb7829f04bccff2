"""The read of attention arrays: what their devices weigh, what word lines tell when spikes drive bit lines.

    A - offset = scale (w - rest), or scale (w+ - w-) of a pair; w no lower than `floor`
    out_id = gain_i ADC(sum_j (A_ij - offset) V_jd + sigma_id xi_id) + shift_i sum_j V_jd

The fused kernel goes from states to numbers array by array, so that weights need not leave the cache.
``in_torch`` is the same, one operation after another, for other devices than the CPU; ``plain`` is its second
line, for gradients and calibration.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.kernels import attention as kernels
from memsim.arrays.reading.converters import convert_by, steps
from memsim.arrays.reading.written_noise import WrittenNoise
from memsim.devices.numerics.compile import match_threads
from memsim.devices.numerics.operation import by_kernel
from memsim.wires.crosspoints import Crossing, seen_states

NOTHING = torch.empty(0)


class AttentionReading(NamedTuple):
    """What a read gave: numbers (T, S B, H, M, D), the sums of the states on every bit line (S, H, B, T, N),
    states that were floored, conversions that clipped.
    """

    numbers: Tensor
    column: Tensor
    floors: int
    clips: int


@dataclass(frozen=True, kw_only=True)
class AttentionRead:
    """How the arrays of one layer are read: S chips, H heads, B images, T steps; M word lines are sensed, D
    reads drive N bit lines (of STDP attention M = N tokens, D features).

    ``bits`` of the ADC (0: none) over full_scale_S; gain_SHN and shift_SHN are those of each word line;
    ``through``: resistive lines between devices and converters.
    """

    floor: float
    rest: float
    scale: float
    bits: int
    full_scale_S: Tensor
    gain_SHN: Tensor
    shift_SHN: Tensor
    through: Crossing | None = None
    noise: WrittenNoise | None = None
    curve_SHPN: Tensor | None = None  #: of real ADCs, `memsim.converters.curve`; None: ideal ones

    def __call__(self, held: list[Tensor], v: Tensor, weight: Tensor = NOTHING) -> AttentionReading:
        """Read arrays in the states w (S, H, B, T, M, N) of devices, or of both sides of pairs, with value
        spikes v (T, S B, H, N, D); `weight`, where not empty, takes A - offset.

        Raises ValueError where shapes do not go together.
        """
        self._check_shapes(held, v)
        seen = self._seen(held)
        if seen is not None:
            held = list(seen[: len(held)])
        if not by_kernel(v):
            reading = replace(self, through=None).in_torch(held, v, weight)
            return reading if seen is None else reading._replace(column=seen.column, floors=int(seen.floors))
        v = v.contiguous()
        plus, minus = held if len(held) == 2 else (held[0], NOTHING)
        images, size = plus.shape[2], plus.shape[-2:]
        levels = steps(self.bits, self.curve_SHPN)
        out = torch.empty(*v.shape[:3], size[0], v.shape[4])
        column = torch.empty(*plus.shape[:-2], size[1])
        match_threads()
        floors, clips = kernels.read_attention(
            *[x.view(-1, *size).numpy() for x in (plus, minus, weight)],
            np.array([self.floor, self.rest, self.scale], np.float32),
            images,
            v.numpy(),
            *self._noise(),
            (self.full_scale_S.float() / levels).numpy(),
            np.float32(levels if self.bits else 0),
            self._curves(),
            self.gain_SHN.float().numpy(),
            self.shift_SHN.float().numpy(),
            column.view(-1, size[1]).numpy(),
            out.numpy(),
        )
        if seen is not None:
            column, floors = seen.column, int(seen.floors)
        return AttentionReading(out, column, floors, clips)

    def _noise(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
        """Law, keys, names of images, first step and call, as the kernel takes them."""
        if self.noise is None:
            return np.empty(0, np.float32), np.empty(0, np.uint64), np.empty(0, np.int64), 0, 0
        at = self.noise.at
        law, keys = self.noise.kernel_law(self.scale), self.noise.rng.keys.reshape(-1)
        return law, keys, at.images, at.steps.start, at.call

    def spread(self, held: list[Tensor]) -> tuple[Tensor, Tensor] | None:
        """Return what the variance of a read is made of, of devices and of lines; None: reads are
        noiseless.
        """
        if self.noise is None:
            return None
        seen = self._seen(held)
        held = held if seen is None else list(seen[: len(held)])
        return self.noise.law.lines([w.clamp(min=self.floor) for w in held])

    def _seen(self, held: list[Tensor]) -> Any:
        """Return what a read finds of the states behind resistive lines; None: there are none."""
        if self.through is None:
            return None
        return seen_states(held[0], held[1] if len(held) == 2 else held[0][:0], self.through)

    def _curves(self) -> np.ndarray:
        """Return the curves (S, H, P, N); P = 0 for ideal ADCs."""
        if self.curve_SHPN is not None:
            return self.curve_SHPN.numpy()
        chips, heads, tokens = self.gain_SHN.shape
        return np.empty((chips, heads, 0, tokens), np.float32)

    def weights(self, held: list[Tensor]) -> AttentionReading:
        """Put A - offset in place of the states, those of the first side of pairs; nothing is read."""
        quiet = replace(self, noise=None)
        return quiet(held, held[0].new_empty(held[0].shape[3], 0, held[0].shape[1], 0, 0), held[0])

    def in_torch(self, held: list[Tensor], v: Tensor, weight: Tensor = NOTHING) -> AttentionReading:
        """Return the same in torch: shapes as above; sums may differ in their last bits."""
        kept = [w.clamp(min=self.floor) for w in held]
        told = (kept[0] - self.rest) * self.scale
        if len(kept) == 2:
            told = told - (kept[1] - self.rest) * self.scale
        floors = sum(int((w < self.floor).sum()) for w in held)
        column = torch.stack(kept).sum((0, -2))
        if weight.numel():
            weight.copy_(told)
        if not v.numel():
            return AttentionReading(v, column, floors, 0)
        values = v.unflatten(1, (held[0].shape[0], -1)).movedim((1, 3, 2, 0), (0, 1, 2, 3))
        out, clips = self.plain(told @ values, values, self.spread(held))
        numbers = out.movedim((3, 0, 2, 1), (0, 1, 2, 3)).reshape(*v.shape[:3], -1, v.shape[4])
        return AttentionReading(numbers, column, floors, clips)

    def _check_shapes(self, held: list[Tensor], v: Tensor) -> None:
        """Raise ValueError where the states, the values and what is known of the lines do not go together."""
        shape = tuple(held[0].shape)
        chips, heads, images, steps, lines, tokens = shape
        read = v.numel() == 0 or v.shape[:4] == (steps, chips * images, heads, tokens)
        if not read or tuple(held[-1].shape) != shape:
            raise ValueError(
                f"states {[tuple(w.shape) for w in held]} and values {tuple(v.shape)}: arrays are N x N or M "
                "x N; (chips, heads, images, steps, M, N) are read by (steps, chips x images, heads, N, D)"
            )
        ranges, gain, shift = self.full_scale_S.shape, self.gain_SHN.shape, self.shift_SHN.shape
        if ranges != (chips,) or gain != (chips, heads, lines) or shift != gain:
            raise ValueError(
                f"ranges {tuple(ranges)}, gains {tuple(gain)} and shifts {tuple(shift)}: states {shape} take "
                f"({chips},) and ({chips}, {heads}, {lines})"
            )

    def plain(
        self, current: Tensor, values: Tensor, spread: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, int]:
        """Return numbers from currents (A - offset) V (S, H, B, T, M, D) and values (S, H, B, T, N, D), and
        what `spread` says of the states; clipped conversions.
        """
        if self.noise is not None and spread is not None:
            driven, always = spread
            variance = driven.to(values.dtype) @ values.detach() + always
            xi = self.noise.normals(current.shape[-2], current.shape[-1], current)
            current = current + self.scale * variance.clamp(min=0.0).sqrt() * xi
        full_scale, curve = self.full_scale_S.to(current.dtype).view(-1, *[1] * 5), self.curve_SHPN
        curve = None if curve is None else curve.transpose(-1, -2)[:, :, None, None, :, :, None]
        current, clips = convert_by(current, full_scale, self.bits, curve)
        gain, shift = (
            x[:, :, None, None, :, None].to(current.dtype) for x in (self.gain_SHN, self.shift_SHN)
        )
        return gain * current + shift * values.sum(-2, keepdim=True), clips
