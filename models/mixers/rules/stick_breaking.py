"""Stick-breaking attention: each line takes its share of what newer lines left (arXiv 2410.17980, ICLR 2025).

    beta_ij = sigma(z_ij)     w_ij = beta_ij prod_{j < m < i} (1 - beta_im)     rest_i = prod_m (1 - beta_im)

Weights and rest of a reader sum to 1.  Once the rest is small, older lines need not be read.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from memsim.models.mixers.rules.rule import Operations, Rule

SPENT = 0.01
"""Rest of the stick at which reading stops [1]."""


def stick_breaking(scores: Tensor, gate: Tensor | None, mask: Tensor) -> Tensor:
    """Weigh lines by their share of the stick, the newest first."""
    z = scores if gate is None else scores + gate
    return (logsigmoid(z) + log_left(z, mask)).exp().masked_fill(~mask, 0.0)


def log_left(scores: Tensor, mask: Tensor) -> Tensor:
    """Logarithm of what newer lines left for each line, sum_{j < m < i} log(1 - beta_im)."""
    kept = logsigmoid(-scores).masked_fill(~mask, 0.0)
    newer = kept.flip(-1).cumsum(-1)[..., :-1].flip(-1)
    return torch.cat([newer, torch.zeros_like(kept[..., :1])], -1)


def rest(scores: Tensor, mask: Tensor) -> Tensor:
    """What all lines left of the stick, prod_m (1 - beta_im), (..., R); 1 for a reader without lines."""
    return logsigmoid(-scores).masked_fill(~mask, 0.0).sum(-1).exp()


def until_spent(scores: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """Read from the newest line on until the rest is at most SPENT."""
    newer = weights.flip(-1).cumsum(-1).flip(-1) - weights
    return mask & (1.0 - newer > SPENT)


def stopped(scores: Tensor, gate: Tensor | None, mask: Tensor) -> Tensor:
    """Weigh lines until the rest of the stick is at most SPENT; older lines get 0 and need no read."""
    weights = stick_breaking(scores, gate, mask)
    return weights * until_spent(scores, weights, mask)


STICK_BREAKING = Rule(
    name="stick-breaking",
    weigh=stick_breaking,
    own=False,
    operations=Operations(exponentials=3, additions=2),
    reads=until_spent,
)
STOPPED = Rule(
    name="stick-breaking-stopped",
    weigh=stopped,
    own=False,
    operations=Operations(exponentials=3, additions=2, comparisons=1),
    reads=until_spent,
)
"""The same, read until it is spent: for a network that was trained with all of it."""
