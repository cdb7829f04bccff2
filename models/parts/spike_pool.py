"""Max-pool of spikes, channels last, with its gradient: what `SpikePool` does, sooner where a gradient is
kept.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from memsim.devices.numerics.compile import match_threads
from memsim.models.parts.bits16 import array_of
from memsim.models.parts.pool_kernel import pool, pool_back


def pooled(spikes: Tensor, side: int) -> Tensor:
    """Maps (B, h', w', C) of the largest of each window of spikes (B, h, w, C), float32 or bf16, contiguous;
    windows of `side` 2 or 3, stride 2, padding (side - 1) // 2.
    """
    return _Pool.apply(spikes, side)


class _Pool(torch.autograd.Function):
    """The pool in one kernel each way; the place of each maximum is kept."""

    @staticmethod
    def forward(ctx, spikes, side):
        images, height, width, channels = spikes.shape
        small = [(n + 2 * ((side - 1) // 2) - side) // 2 + 1 for n in (height, width)]
        out = torch.empty(images, *small, channels, dtype=spikes.dtype)
        first = torch.empty(out.shape, dtype=torch.uint8)
        pool(array_of(spikes), array_of(out), first.numpy(), side, match_threads())
        ctx.save_for_backward(first)
        ctx.fixed = side, spikes.shape
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, *grads: Tensor):
        (first,), (side, shape) = ctx.saved_tensors, ctx.fixed
        out = torch.empty(shape, dtype=grads[0].dtype)
        pool_back(array_of(grads[0]), first.numpy(), array_of(out), side, match_threads())
        return out, None
