"""Spike counts of tokens, which say what is written into attention arrays."""

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.kernels.spike_bits import count
from memsim.devices.numerics.compile import bare, kernel
from memsim.devices.numerics.operation import operation


@operation
def spike_counts(q: Tensor, k: Tensor, chips: int) -> tuple[Tensor, Tensor, Tensor]:
    """Spikes of every token of q and of k, (T, S B, H, N, D) counted over features to (S, H, B, T, N).

    And how many numbers are neither 0 nor 1.
    """
    others = torch.stack([((x != 0) & (x != 1)).sum() for x in (q, k)]).sum()
    counts = ((x != 0).sum(-1).to(x.dtype).unflatten(1, (chips, -1)) for x in (q, k))
    count_q, count_k = (x.movedim((1, 3, 2, 0), (0, 1, 2, 3)) for x in counts)
    return count_q, count_k, others


@spike_counts.kernel("cpu", torch.float32)
def _(q: Tensor, k: Tensor, chips: int) -> tuple[Tensor, Tensor, Tensor]:
    steps, stack, heads, tokens, features = q.shape
    counts = torch.empty(2, chips, heads, stack // chips, steps, tokens)
    q = q if q.stride(-1) == 1 else q.contiguous()
    k = k if k.stride(-1) == 1 else k.contiguous()
    return counts[0], counts[1], torch.tensor(_count(q.numpy(), k.numpy(), features, counts.numpy()))


@kernel
def _count(q, k, features, counts):
    """Fill counts (2, S, H, B, T, N) of spikes; returns how many numbers are neither 0 nor 1.

    q and k (T, S B, H, N, D), as they lie, the last axis contiguous.
    """
    return _count_in(q, features, counts[0]) + _count_in(k, features, counts[1])


@bare
def _count_in(x, features, counts):
    chips, heads, images, steps, tokens = counts.shape
    others, (by_step, by_image, by_head, by_token, _) = np.uint64(0), x.strides
    for t in range(steps):
        for s in range(chips):
            for b in range(images):
                first = t * by_step + (s * images + b) * by_image
                for h in range(heads):
                    for n in range(tokens):
                        at = (first + h * by_head + n * by_token) // x.itemsize
                        spikes, odd = count(x, at, features)
                        counts[s, h, b, t, n] = spikes
                        others += odd
    return others
