"""Softmax: w_ij = exp(z_ij + gate_ij) / sum_m exp(z_im + gate_im), over the lines that a reader may read.

Sources: Vaswani et al. 2017, arXiv 1706.03762; with a gate, forgetting attention, arXiv 2503.02130.  The
Gaussian kernel of Memory Mosaics (arXiv 2405.06394) is identical for keys of equal norm:

    exp(-b |q - k_j|^2) / sum_m exp(-b |q - k_m|^2) = softmax_j(2 b q.k_j)
"""

import torch
from torch import Tensor

from memsim.models.mixers.rules.rule import Operations, Rule, no_line


def softmax(scores: Tensor, gate: Tensor | None, mask: Tensor) -> Tensor:
    """Return softmax weights, which sum to 1 for each reader, or are 0 if it has no lines."""
    z = scores if gate is None else scores + gate
    z, empty = z.masked_fill(~mask, -torch.inf), no_line(mask)
    if not empty.any():
        return z.softmax(-1)
    return z.masked_fill(empty, 0.0).softmax(-1).masked_fill(~mask, 0.0)


def gaussian_kernel(q: Tensor, k: Tensor, sharpness: float, mask: Tensor) -> Tensor:
    """Return the weights of a Nadaraya-Watson estimator, exp(-sharpness |q - k|^2), normalised over lines.

    q (..., R, D), k (..., N, D), mask (R, N) -> weights (..., R, N).
    """
    distance = (q[..., :, None, :] - k[..., None, :, :]).square().sum(-1)
    kernel = (-sharpness * distance).exp() * mask
    return kernel / kernel.sum(-1, keepdim=True).clamp(min=torch.finfo(kernel.dtype).tiny)


_COUNTS = Operations(exponentials=1, additions=1, multiplications=1, divisions=1)
SOFTMAX = Rule(name="softmax", weigh=softmax, operations=_COUNTS)
BEFORE = Rule(name="softmax-before", weigh=softmax, own=False, operations=_COUNTS)
"""Softmax over the lines before the reader, without its own line, as in Memory Mosaics."""
