"""Converters: a DAC puts a number on a word line, an ADC turns a current into a number.

Both round to a grid and clip to a range that was calibrated on training images.  The gradient passes straight
through inside the range and is zero where the converter clips.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from memsim.converters.curve import Row, converted


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


class _Convert(torch.autograd.Function):
    """The curve of real ADCs; its gradient is that of an ideal one."""

    @staticmethod
    def forward(ctx, x: Tensor, step: Tensor, curve: Tensor, levels: int, rounds: bool) -> Any:
        numbers, clipped = converted(x / step, curve, levels, rounds=rounds)
        ctx.save_for_backward(~clipped)
        ctx.mark_non_differentiable(clipped)
        return numbers * step, clipped

    @staticmethod
    def backward(ctx, grad: Tensor, _: Tensor) -> tuple[Tensor, None, None, None, None]:
        (inside,) = ctx.saved_tensors
        return grad * inside, None, None, None, None


def levels_of(bits: int, signed: bool) -> int:
    """Return steps of a converter from 0 to its full scale: 2^(bits-1) - 1 signed, 2^bits - 1 unsigned.

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
    return to_grid(x, full_scale, levels_of(bits, signed), signed=signed)


def to_grid(x: Tensor, full_scale: Tensor | float, levels: int, *, signed: bool) -> Tensor:
    """x rounded to `levels` steps from 0 to full scale, and as many below where signed."""
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


def steps(bits: int, curve: Tensor | None) -> int:
    """Return steps of an ADC from 0 to full scale; where it does not round (0 bits), of that whose curve is
    given; 1 where there is none.
    """
    if bits:
        return levels_of(bits, signed=True)
    return 1 if curve is None or not curve.numel() else round(1 / float(curve[..., Row.STEP, :].flatten()[0]))


def convert_by(x: Tensor, full_scale: Tensor, bits: int, curve: Tensor | None) -> tuple[Tensor, int]:
    """x through signed ADCs of these curves (None: ideal), and how many values were clipped.

    0 bits: nothing is rounded.  x and each row of curve[..., P, :] broadcast against one another.
    """
    if curve is None:
        return digitise(x, full_scale, bits) if bits else (x, 0)
    levels = steps(bits, curve)
    step = full_scale / levels
    numbers, clipped = _Convert.apply(x, step, curve.to(x.dtype), levels, bits > 0)
    return numbers, int(clipped.sum())
