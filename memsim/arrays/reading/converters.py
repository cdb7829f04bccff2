"""Converters: a DAC puts a number on a word line, an ADC turns a current into a number.

Both round to a grid and clip to a range that was calibrated on training images.  The gradient passes straight
through inside the range and is zero where the converter clips.
"""

from __future__ import annotations

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


def levels_of(bits: int, signed: bool) -> int:
    """Steps of a converter from 0 to its full scale: 2^(bits-1) - 1 signed, 2^bits - 1 unsigned.

    Raises ValueError where that is none: one bit, of numbers of both signs.
    """
    levels = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    if levels < 1:
        raise ValueError(
            f"a converter of {bits} bit has no level but 0 for numbers of both signs: take weights.dac_bits"
            " of 2 to 16, or inputs that are not negative (spikes need no DAC)"
        )
    return levels


def quantise(x: Tensor, full_scale: Tensor | float, bits: int, *, signed: bool = True) -> Tensor:
    """x rounded to the grid of a converter: step = full_scale / levels, codes -levels..levels (or 0..levels).

    ``full_scale`` (same unit as x) broadcasts against x.  Raises ValueError for one bit of signed numbers.
    """
    levels = levels_of(bits, signed)
    step = torch.as_tensor(full_scale, dtype=x.dtype, device=x.device) / levels
    low, high = -float(levels) if signed else 0.0, float(levels)
    if torch.is_grad_enabled() and x.requires_grad:
        return _Quantise.apply(x, step, low, high)
    return torch.round(x / step).clamp(low, high) * step


def digitise(x: Tensor, full_scale: Tensor, bits: int) -> tuple[Tensor, int]:
    """x through a signed ADC, and how many values it clipped (half a step beyond full scale)."""
    with torch.no_grad():
        clips = int((x.abs() > full_scale * (1 + 0.5 / (2 ** (bits - 1) - 1))).sum())
    return quantise(x, full_scale, bits), clips
