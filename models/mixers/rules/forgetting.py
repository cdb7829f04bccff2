"""Forgetting attention: a softmax with a bias that falls with age (Forgetting Transformer, arXiv 2503.02130).

    f_t = sigma(w.x_t + b)     c_i = sum_{t <= i} log f_t     w_ij = softmax_j(z_ij + c_i - c_j)

f_i belongs to token i: a line is not faded by its own gate.  The sums are in float32 at least.  A gate that
is the same for all tokens, log f = -1 / tau, is what a volatile memory cell does by itself.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from memsim.models.mixers.rules.rule import Operations, Rule
from memsim.models.mixers.rules.softmax import softmax

NEGLIGIBLE = math.exp(-10.0)
"""Weight below which a line need not be read: the bound of the published pruning [1]."""


def summed(gate: Tensor) -> Tensor:
    """Add up log f over tokens: gate (..., T) before its sigmoid -> c (..., T), float32 or float64."""
    wide = gate if gate.dtype == torch.float64 else gate.float()
    return logsigmoid(wide).cumsum(-1)


def fading(c_readers: Tensor, c_lines: Tensor) -> Tensor:
    """The bias c_i - c_j, (..., R, N), of readers (..., R) and lines (..., N)."""
    return c_readers[..., :, None] - c_lines[..., None, :]


def bias_of_horizon(tokens: Tensor) -> Tensor:
    """The bias of a gate whose memory lasts `tokens` T: sigma(b) = exp(-1 / T), b = -ln(e^{1/T} - 1)."""
    return -torch.expm1(1.0 / tokens).log()


def not_faded(scores: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """Read lines whose weight is above NEGLIGIBLE / N."""
    return mask & (weights > NEGLIGIBLE / weights.shape[-1])


FORGETTING = Rule(
    name="forgetting",
    weigh=softmax,
    operations=Operations(exponentials=1, additions=2, multiplications=1, divisions=1),
    reads=not_faded,
)
