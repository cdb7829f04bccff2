"""The read of attention arrays: what their devices weigh, what word lines tell when spikes drive bit lines.

    A - offset = scale (w - rest), or scale (w+ - w-) of a pair; w no lower than `floor`
    out_id = gain_i ADC(sum_j (A_ij - offset) V_jd) + shift_i sum_j V_jd

The fused kernel goes from states to numbers array by array, so that weights need not leave the cache.
``in_torch`` is the same, one operation after another, for other devices than the CPU; ``plain`` is its second
line, for gradients and calibration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.kernels import attention as kernels
from memsim.arrays.reading.converters import digitise
from memsim.devices.numerics.compile import match_threads
from memsim.devices.numerics.operation import by_kernel
from memsim.wires.crosspoints import Crossing, seen_states

NOTHING = torch.empty(0)


class AttentionReading(NamedTuple):
    """What a read gave: numbers (T, S B, H, N, D), the sums of the states on every bit line (S, H, B, T, N),
    states that were floored, conversions that clipped.
    """

    numbers: Tensor
    column: Tensor
    floors: int
    clips: int


@dataclass(frozen=True, kw_only=True)
class AttentionRead:
    """How the arrays of one layer are read; S chips, H heads, B images, T steps, N tokens, D features.

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

    def __call__(self, held: list[Tensor], v: Tensor, weight: Tensor = NOTHING) -> AttentionReading:
        """Read arrays in the states w (S, H, B, T, N, N) of devices, or of both sides of pairs, with value
        spikes v (T, S B, H, N, D); `weight`, where not empty, takes A - offset.

        Raises ValueError where shapes do not go together.
        """
        self._check_shapes(held, v)
        seen = None
        if self.through is not None:
            seen = seen_states(held[0], held[1] if len(held) == 2 else held[0][:0], self.through)
            held = list(seen[: len(held)])
        if not by_kernel(v):
            reading = self.in_torch(held, v, weight)
            return reading if seen is None else reading._replace(column=seen.column, floors=int(seen.floors))
        v = v.contiguous()
        plus, minus = held if len(held) == 2 else (held[0], NOTHING)
        images, tokens = plus.shape[2], plus.shape[-1]
        levels = 2 ** (self.bits - 1) - 1 if self.bits else 0
        out, column = torch.empty_like(v), torch.empty(plus.shape[:-1])
        match_threads()
        floors, clips = kernels.read_attention(
            *[x.view(-1, tokens, tokens).numpy() for x in (plus, minus, weight)],
            np.array([self.floor, self.rest, self.scale], np.float32),
            images,
            v.numpy(),
            (self.full_scale_S.float() / max(levels, 1)).numpy(),
            np.float32(levels),
            self.gain_SHN.float().numpy(),
            self.shift_SHN.float().numpy(),
            column.view(-1, tokens).numpy(),
            out.numpy(),
        )
        if seen is not None:
            column, floors = seen.column, int(seen.floors)
        return AttentionReading(out, column, floors, clips)

    def weights(self, held: list[Tensor]) -> AttentionReading:
        """Put A - offset in place of the states, those of the first side of pairs; nothing is read."""
        return self(held, held[0].new_empty(held[0].shape[3], 0, held[0].shape[1], 0, 0), held[0])

    def in_torch(self, held: list[Tensor], v: Tensor, weight: Tensor = NOTHING) -> AttentionReading:
        """The same in torch: shapes as above; sums may differ in their last bits."""
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
        out, clips = self.plain(told @ values, values)
        numbers = out.movedim((3, 0, 2, 1), (0, 1, 2, 3)).reshape(v.shape)
        return AttentionReading(numbers, column, floors, clips)

    def _check_shapes(self, held: list[Tensor], v: Tensor) -> None:
        """Raise ValueError where the states, the values and what is known of the lines do not go together."""
        shape = tuple(held[0].shape)
        chips, heads, images, steps, tokens = shape[:-1]
        read = v.numel() == 0 or v.shape[:4] == (steps, chips * images, heads, tokens)
        if not read or shape[-1] != tokens or tuple(held[-1].shape) != shape:
            raise ValueError(
                f"states {[tuple(w.shape) for w in held]} and values {tuple(v.shape)}: arrays are N x N; "
                "(chips, heads, images, steps, N, N) are read by (steps, chips x images, heads, N, features)"
            )
        ranges, gain, shift = self.full_scale_S.shape, self.gain_SHN.shape, self.shift_SHN.shape
        if ranges != (chips,) or gain != (chips, heads, tokens) or shift != gain:
            raise ValueError(
                f"ranges {tuple(ranges)}, gains {tuple(gain)} and shifts {tuple(shift)}: states {shape} take "
                f"({chips},) and ({chips}, {heads}, {tokens})"
            )

    def plain(self, current: Tensor, values: Tensor) -> tuple[Tensor, int]:
        """Numbers from currents (A - offset) V and values, both (S, H, B, T, N, D); clipped conversions."""
        clips = 0
        if self.bits:
            full_scale = self.full_scale_S.to(current.dtype).view(-1, *[1] * 5)
            current, clips = digitise(current, full_scale, self.bits)
        gain, shift = (
            x[:, :, None, None, :, None].to(current.dtype) for x in (self.gain_SHN, self.shift_SHN)
        )
        return gain * current + shift * values.sum(-2, keepdim=True), clips
