"""Converters: a DAC puts a number on a word line, an ADC turns a current into a number.

Both round to a grid and clip to a range that was calibrated on training images.  The gradient passes straight
through inside the range and is zero where the converter clips.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor


class _Quantise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, step: Tensor, low: float, high: float) -> Tensor:
        code = torch.round(x / step)
        ctx.save_for_backward((code >= low) & (code <= high))
        return code.clamp(low, high) * step

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (inside,) = ctx.saved_tensors
        return grad * inside, None, None, None


def quantise(x: Tensor, full_scale: Tensor | float, bits: int, *, signed: bool = True) -> Tensor:
    """x rounded to the grid of a converter: step = full_scale / levels, codes -levels..levels (or 0..levels).

    levels = 2^(bits-1) - 1 signed, 2^bits - 1 unsigned.  ``full_scale`` (same unit as x) broadcasts against
    x.
    """
    levels = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    step = torch.as_tensor(full_scale, dtype=x.dtype, device=x.device) / levels
    return _Quantise.apply(x, step, -float(levels) if signed else 0.0, float(levels))


def digitise(x: Tensor, full_scale: Tensor, bits: int) -> tuple[Tensor, int]:
    """x through a signed ADC, and how many values it clipped (half a step beyond full scale)."""
    with torch.no_grad():
        clips = int((x.abs() > full_scale * (1 + 0.5 / (2 ** (bits - 1) - 1))).sum())
    return quantise(x, full_scale, bits), clips


@numba.njit(cache=True, parallel=True, fastmath=True, nogil=True)
def _convert_and_add(current, step, levels, gain, out):
    """out[s, m, c] = gain[s, c] * sum_k clip(round(current[s, k, m, c] / step[s, k])) step[s, k]; returns how
    many clipped.
    """
    chips, tiles, rows, columns = current.shape
    clips = 0
    for i in numba.prange(chips * rows):
        s, m = i // rows, i % rows
        over = 0
        for k in range(tiles):
            one = step[s, k]
            inverse = np.float32(1.0) / one
            for c in range(columns):
                code = np.rint(current[s, k, m, c] * inverse)
                over += abs(code) > levels
                code = min(max(code, -levels), levels)
                value = code * one * gain[s, c]
                if k == 0:
                    out[s, m, c] = value
                else:
                    out[s, m, c] += value
        clips += over
    return clips


def convert_and_add(current: Tensor, full_scale: Tensor, bits: int, gain: Tensor) -> tuple[Tensor, int]:
    """Digitise the columns of every row tile and add the tiles: (S, K, M, C) amperes -> (S, M, C) numbers,
    and the clips.

    full_scale (S, K) [A]; gain (S, C) turns amperes into the layer's numbers.  One fused pass where no
    gradient is wanted; the same values through ``quantise`` otherwise.
    """
    plain = current.requires_grad or current.device.type != "cpu" or current.dtype != torch.float32
    if plain:
        value, clips = digitise(current, full_scale[:, :, None, None], bits)
        return value.sum(1) * gain[:, None, :], clips
    levels = 2 ** (bits - 1) - 1
    out = torch.empty(current.shape[0], *current.shape[2:])
    clips = _convert_and_add(
        current.numpy(),
        (full_scale / levels).float().numpy(),
        np.float32(levels),
        gain.float().numpy(),
        out.numpy(),
    )
    return out, int(clips)
