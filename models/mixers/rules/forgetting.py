"""Forgetting attention: softmax with a bias that decreases with age (Forgetting Transformer, arXiv
2503.02130).

    f_t = sigma(w.x_t + b)     c_i = sum_{t <= i} log f_t     w_ij = softmax_j(z_ij + c_i - c_j)

A line is affected by the gates of later tokens, not by its own.  The sums are computed in float32 or float64.
A gate that is the same for all tokens, log f = -1 / tau, is the natural decay of a volatile memory cell.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from memsim.models.mixers.rules.rule import Operations, Rule
from memsim.models.mixers.rules.softmax import softmax

NEGLIGIBLE = math.exp(-10.0)
"""Relative weight below which a line need not be read [1]; the bound of the published pruning."""


def summed(gate: Tensor) -> Tensor:
    """Return c = cumulative sum of log sigma(gate) over tokens, (..., T) -> (..., T), float32 or float64."""
    wide = gate if gate.dtype == torch.float64 else gate.float()
    return logsigmoid(wide).cumsum(-1)


def fading(c_readers: Tensor, c_lines: Tensor) -> Tensor:
    """Return the bias c_i - c_j (..., R, N) for readers c_i (..., R) and lines c_j (..., N)."""
    return c_readers[..., :, None] - c_lines[..., None, :]


def bias_of_horizon(tokens: Tensor) -> Tensor:
    """Return the bias b of a gate with memory length T = tokens: sigma(b) = exp(-1 / T), b = -ln(e^{1/T}
    - 1).
    """
    return -torch.expm1(1.0 / tokens).log()


def not_faded(scores: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """Return True for lines whose weight is above NEGLIGIBLE / N; the others need not be read."""
    return mask & (weights > NEGLIGIBLE / weights.shape[-1])


FORGETTING = Rule(
    name="forgetting",
    weigh=softmax,
    operations=Operations(exponentials=1, additions=2, multiplications=1, divisions=1),
    reads=not_faded,
)
