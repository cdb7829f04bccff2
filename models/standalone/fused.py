"""Batch norm and LIF neurons by kernel, with gradients: what `plain.py` defines, in one pass each way."""

import torch
from kernels import fire_back_kernel, fire_kernel, norm_back, norm_sums, row_sums
from loops import Loops
from plain import BETA, EPS
from stdp_kernel import StdpAttention
from torch import Tensor


def tiling(P: int, C: int) -> tuple[tuple[int, int], dict[str, int]]:
    """Return grid, and rows and block sizes, of a pass over (P, C)."""
    block = next(b for b in (128, 64, 32, 16) if C % b == 0 or b == 16)
    tall = 2048 // block
    columns = -(-C // block)
    programs = max(1, min(-(-P // tall), 2112 // columns))
    rows = -(-P // (programs * tall)) * tall
    return (columns, -(-P // rows)), {"rows": rows, "BP": tall, "BC": block}


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and 1 / sqrt(variance + EPS) of x (R, C) by channel, by kernel."""
    R, C = x.shape
    grid, blocks = tiling(R, C)
    sums, squares = torch.empty(2, grid[1], C, device=x.device)
    row_sums[grid](x, sums, squares, R, C, **blocks)
    mean = sums.sum(0) / R
    return mean, (squares.sum(0) / R - mean * mean).clamp(min=0).add(EPS).rsqrt()


class NormFire(torch.autograd.Function):
    """Batch norm (training) and LIF: x (T or 1, P, C) -> spikes (T, P, C)."""

    @staticmethod
    def forward(ctx, x, weight, bias, T, threshold, alpha):
        held, P, C = x.shape[0] < T, *x.shape[1:]
        mean, inverse = moments(x.view(-1, C))
        scale = weight * inverse
        shift = bias - mean * scale
        out = torch.empty(T, P, C, device=x.device, dtype=x.dtype)
        grid, blocks = tiling(P, C)
        fire_kernel[grid](
            x, out, scale, shift, P, C, threshold=threshold, T=T, HELD=held, NORM=True, BETA=BETA, **blocks
        )
        ctx.save_for_backward(x, scale, shift, mean, inverse)
        ctx.law = T, held, threshold, alpha
        return out

    @staticmethod
    def backward(ctx, grad):  # type: ignore[override]
        x, scale, shift, mean, inverse = ctx.saved_tensors
        T, held, threshold, alpha = ctx.law
        P, C = x.shape[1:]
        grid, blocks = tiling(P, C)
        parts, out = torch.empty(2, grid[1], C, device=x.device), torch.empty_like(x)
        fire_back_kernel[grid](
            x, grad.contiguous(), out, scale, shift, mean, inverse, *parts, P, C,
            threshold=threshold, alpha=alpha, T=T, HELD=held, NORM=True, BETA=BETA, **blocks,
        )  # fmt: skip
        return _norm_input(x, out, out, scale, mean, inverse, parts) + (None,) * 3


def _norm_input(x, grad, out, scale, mean, inverse, parts) -> tuple[Tensor, Tensor, Tensor]:
    """Finish a batch norm's backward pass: gradients of input, weight and bias."""
    C = x.shape[-1]
    R = x.numel() // C
    sums, products = parts.sum(1)
    grid, blocks = tiling(R, C)
    norm_back[grid](x, grad, out, scale, mean, inverse, sums, products, R, C, **blocks)
    return out, products, sums


class NormAdd(torch.autograd.Function):
    """u + batch norm (training) of x: x (R, C), u (R, C) float32 -> float32."""

    @staticmethod
    def forward(ctx, x, weight, bias, u):
        mean, inverse = moments(x)
        scale = weight * inverse
        ctx.save_for_backward(x, scale, mean, inverse)
        return torch.addcmul(u + (bias - mean * scale), x, scale)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[override]
        x, scale, mean, inverse = ctx.saved_tensors
        grad, (R, C) = grad.contiguous(), x.shape
        grid, blocks = tiling(R, C)
        parts = torch.empty(2, grid[1], C, device=x.device)
        norm_sums[grid](x, grad, mean, inverse, *parts, R, C, **blocks)
        return *_norm_input(x, grad, torch.empty_like(x), scale, mean, inverse, parts), grad


class Fire(torch.autograd.Function):
    """LIF alone: membrane currents (T, P, C) of any float type -> spikes bf16."""

    @staticmethod
    def forward(ctx, x, threshold, alpha):
        T, P, C = x.shape
        out = torch.empty(T, P, C, device=x.device, dtype=torch.bfloat16)
        grid, blocks = tiling(P, C)
        fire_kernel[grid](
            x, out, x, x, P, C, threshold=threshold, T=T, HELD=False, NORM=False, BETA=BETA, **blocks
        )
        ctx.save_for_backward(x)
        ctx.law = threshold, alpha
        return out

    @staticmethod
    def backward(ctx, grad):  # type: ignore[override]
        (x,) = ctx.saved_tensors
        threshold, alpha = ctx.law
        T, P, C = x.shape
        grid, blocks = tiling(P, C)
        out = torch.empty_like(x)
        fire_back_kernel[grid](
            x, grad.contiguous(), out, x, x, x, x, x, x, P, C,
            threshold=threshold, alpha=alpha, T=T, HELD=False, NORM=False, BETA=BETA, **blocks,
        )  # fmt: skip
        return out, None, None


LOOPS = Loops(NormFire.apply, Fire.apply, NormAdd.apply, StdpAttention.apply)  # pyright: ignore
