"""Max-pool of spikes with its gradient, channels last: a faster equivalent of `SpikePool` for training."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from memsim.devices.numerics.compile import match_threads
from memsim.models.parts.bits16 import array_of
from memsim.models.parts.pool_kernel import pool, pool_back


def pooled(spikes: Tensor, side: int) -> Tensor:
    """Return the max-pool (B, h', w', C) of spikes (B, h, w, C), float32 or bf16, contiguous.

    side: 2 or 3; the stride is 2 and the padding (side - 1) // 2.
    """
    return _Pool.apply(spikes, side)


class _Pool(torch.autograd.Function):
    """Pooling with one kernel in each direction; the position of each maximum is stored."""

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
