"""Spike counts of tokens, which say what is written into attention arrays."""

import numpy as np
import torch
from torch import Tensor

from memsim.devices.numerics.compile import kernel
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
    steps, stack, heads, tokens, _ = q.shape
    counts = torch.empty(2, chips, heads, stack // chips, steps, tokens)
    q, k = q.transpose(2, 3).contiguous(), k.transpose(2, 3).contiguous()  # as neurons make them: no copies
    return counts[0], counts[1], torch.tensor(_count(q.numpy(), k.numpy(), counts.numpy()))


@kernel
def _count(q, k, counts):
    """Fill counts (2, S, H, B, T, N) of spikes (T, S B, N, H, D); returns how many are neither 0 nor 1."""
    images, others = counts.shape[3], 0
    for spikes, count in ((q, counts[0]), (k, counts[1])):
        for t in range(spikes.shape[0]):
            for job in range(spikes.shape[1]):
                s, b, odd = job // images, job % images, np.int32(0)
                for n in range(spikes.shape[2]):
                    for h in range(spikes.shape[3]):
                        total = np.int32(0)
                        for d in range(np.uint64(spikes.shape[4])):
                            x = spikes[t, job, n, h, d]
                            total += np.int32(x != 0)
                            odd += np.int32(x * x != x)
                        count[s, h, b, t, n] = total
                others += odd
    return others
