"""Fused batch norm and neurons for training, in float32 or with currents and spikes in bf16.

Tensors are rows (T, P, C): time steps, positions (of all images and pixels or tokens), channels. The results
are defined by the usual layers (`nn.BatchNorm2d`, `LIF`); statistics, membranes and sums have at least
float32 precision.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from memsim.devices.numerics.compile import match_threads
from memsim.models.parts import norm_lif_kernel as kernel
from memsim.models.parts.bits16 import array_of
from memsim.models.parts.lif import Law, constants

FLOAT32 = np.dtype(np.float32)


def norm_lif(
    x: Tensor, norm: _BatchNorm, law: Law, *, steps: int, kind: torch.dtype, bias: Tensor | None = None
) -> Tensor:
    """Return the spikes (T, P, C), of type `kind`, of neurons behind a batch norm of x (T or 1, P, C).

    x: float32 or bf16 on the CPU; with one step if it is constant in time. steps: T. bias: bias of the layer
    before the norm if it is not included in x; it changes the running mean only. Raises ValueError for a norm
    in evaluation mode, and for fewer than two values per channel.
    """
    return _NormLIF.apply(x, norm.weight, norm.bias, _statistics(x, norm, bias), law, steps, kind)


def lif(x: Tensor, law: Law, kind: torch.dtype) -> Tensor:
    """Return the spikes (T, P, C), of type `kind`, for currents x (T, P, C)."""
    return _NormLIF.apply(x, None, None, None, law, len(x), kind)


def norm_add(
    x: Tensor, norm: _BatchNorm, base: Tensor | None = None, *, bias: Tensor | None = None
) -> Tensor:
    """Return the batch norm of x (T, P, C), added to membranes `base` if given, in float32.

    bias and errors are as in `norm_lif`.
    """
    return _NormAdd.apply(x, norm.weight, norm.bias, _statistics(x, norm, bias), base)


class Statistics(NamedTuple):
    """Mean and 1 / sqrt(variance + eps) of each channel, float64 (C), over `count` rows."""

    mean: np.ndarray
    inverse: np.ndarray
    count: int

    def affine(self, weight: Tensor, bias: Tensor, gain: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Return scale and shift (C) of a norm followed by a gain."""
        scale = gain * weight.detach().double().numpy() * self.inverse
        return scale, gain * bias.detach().double().numpy() - self.mean * scale


@torch.no_grad()
def _statistics(x: Tensor, norm: _BatchNorm, bias: Tensor | None) -> Statistics:
    """Compute the statistics of a batch and update the running mean and variance of the norm, like torch."""
    if not norm.training:
        raise ValueError("a fused norm uses the statistics of the batch: call train() on the network first")
    channels = x.shape[-1]
    flat = _array(x).reshape(-1)
    count = flat.size // channels
    if count < 2:
        raise ValueError(f"a batch norm needs more than one value per channel, got {count}")
    middle = x.reshape(-1, channels)[0].float().numpy()
    sums, squares = _sums(channels)
    kernel.moments(flat, _laid(middle), sums, squares)
    off = sums.sum(0) / count
    mean, variance = middle + off, np.maximum(squares.sum(0) / count - off * off, 0)
    if norm.running_mean is not None and norm.running_var is not None:
        assert norm.num_batches_tracked is not None
        norm.num_batches_tracked += 1
        share = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
        seen = torch.from_numpy(mean).to(norm.running_mean)
        norm.running_mean.lerp_(seen if bias is None else seen + bias.detach(), share)
        norm.running_var.lerp_(torch.from_numpy(variance * (count / (count - 1))).to(norm.running_var), share)
    return Statistics(mean, 1 / np.sqrt(variance + norm.eps), count)


class _NormLIF(torch.autograd.Function):
    """Spikes of rows, with or without a norm before; only the rows are stored for the backward pass."""

    @staticmethod
    def forward(ctx, x, weight, bias, statistics, law, steps, kind):
        channels = x.shape[-1]
        if statistics is None:
            scale, shift = np.full(channels, law.gain), np.zeros(channels)
        else:
            scale, shift = statistics.affine(weight, bias, law.gain)
        out = torch.empty(steps, *x.shape[1:], dtype=kind)
        kernel.fire(
            _array(x), _array(out), _laid(scale), _laid(shift), channels, *_time(law), match_threads()
        )
        ctx.save_for_backward(x)
        ctx.fixed = statistics, scale, shift, law
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, *grads: Tensor):
        (x,), (statistics, scale, shift, law) = ctx.saved_tensors, ctx.fixed
        grad, channels = grads[0], x.shape[-1]
        out, (sums, products) = torch.empty(x.shape, dtype=x.dtype), _sums(channels)
        mean = np.empty(0, np.float32) if statistics is None else _laid(statistics.mean)
        kernel.fire_back(
            _array(x), _array(grad), _array(out), _laid(scale), _laid(shift), mean, sums, products,
            *_time(law), np.float32(law.alpha), law.detach_reset,
        )  # fmt: skip
        if statistics is None:
            return (out if law.gain == 1 else out * law.gain, *[None] * 6)
        of_weight, of_bias = _through_norm(x, out, out, scale, statistics, sums, products)
        return out, law.gain * of_weight, law.gain * of_bias, *[None] * 4


class _NormAdd(torch.autograd.Function):
    """Batch norm of rows, added to membranes."""

    @staticmethod
    def forward(ctx, x, weight, bias, statistics, base):
        channels = x.shape[-1]
        scale, shift = statistics.affine(weight, bias)
        out = torch.empty(x.shape, dtype=torch.float32)
        flat, given = _array(out).reshape(-1), out if base is None else base
        one = np.full(channels, 0.0 if base is None else 1.0)
        if base is None:
            out.zero_()
        kernel.combine(
            _array(x).reshape(-1), _array(given).reshape(-1), flat,
            _laid(scale), _laid(one), _laid(shift), channels, match_threads(),
        )  # fmt: skip
        ctx.save_for_backward(x)
        ctx.fixed = statistics, scale
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, *grads: Tensor):
        (x,), (statistics, scale) = ctx.saved_tensors, ctx.fixed
        grad = grads[0].contiguous()
        out, (sums, products) = torch.empty(x.shape, dtype=x.dtype), _sums(x.shape[-1])
        kernel.channel_sums(
            _array(x).reshape(-1), _array(grad).reshape(-1), _laid(statistics.mean), sums, products
        )
        of_weight, of_bias = _through_norm(x, grad, out, scale, statistics, sums, products)
        return out, of_weight, of_bias, None, grad if ctx.needs_input_grad[4] else None


def _through_norm(
    x: Tensor, grad: Tensor, out: Tensor, scale: np.ndarray, found: Statistics, sums: np.ndarray,
    products: np.ndarray,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Fill out with the gradient of x for that of x scale + shift; return the gradients of weight and bias.

    gx = scale (g - <g> - (x - mean) inverse^2 <g (x - mean)>)
    """
    s, p = sums.sum(0), products.sum(0)
    of_x = -scale * found.inverse**2 * p / found.count
    rest = -scale * s / found.count - of_x * found.mean
    kernel.combine(
        _array(x).reshape(-1), _array(grad).reshape(-1), _array(out).reshape(-1),
        _laid(of_x), _laid(scale), _laid(rest), x.shape[-1], match_threads(),
    )  # fmt: skip
    return torch.from_numpy(p * found.inverse).float(), torch.from_numpy(s).float()


def _array(x: Tensor) -> np.ndarray:
    """Return the rows of a tensor as a numpy array (T, P C) for the kernels."""
    return array_of(x).reshape(len(x), -1)


def _laid(values: np.ndarray) -> np.ndarray:
    """Return values of channels (C) repeated to the length of a piece, float32."""
    return np.tile(values.astype(np.float32), max(1, kernel.PIECE // len(values)))


def _sums(channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays of zeros (blocks, C) for sums."""
    blocks = match_threads()
    return np.zeros((blocks, channels)), np.zeros((blocks, channels))


def _time(law: Law) -> tuple[np.generic, ...]:
    """Return beta, leak, v_threshold and v_reset; the gain is part of the scale."""
    beta, _, *rest = constants(law, FLOAT32)
    return beta, *rest
