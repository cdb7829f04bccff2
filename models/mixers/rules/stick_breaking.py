"""Stick-breaking attention: each line takes a part of the weight that newer lines left (arXiv 2410.17980).

    beta_ij = sigma(z_ij)     w_ij = beta_ij prod_{j < m < i} (1 - beta_im)     rest_i = prod_m (1 - beta_im)

The weights of a reader and the rest sum to 1.  Once the rest is small, older lines need not be read.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from memsim.models.mixers.rules.rule import Operations, Rule

SPENT = 0.01
"""Remaining weight at which reading stops [1]."""


def stick_breaking(scores: Tensor, gate: Tensor | None, mask: Tensor) -> Tensor:
    """Return stick-breaking weights, starting with the newest line; shapes as in `Rule`."""
    z = scores if gate is None else scores + gate
    return (logsigmoid(z) + log_left(z, mask)).exp().masked_fill(~mask, 0.0)


def log_left(scores: Tensor, mask: Tensor) -> Tensor:
    """Return log of the weight that newer lines left for each line, sum_{j < m < i} log(1 - beta_im)."""
    kept = logsigmoid(-scores).masked_fill(~mask, 0.0)
    newer = kept.flip(-1).cumsum(-1)[..., :-1].flip(-1)
    return torch.cat([newer, torch.zeros_like(kept[..., :1])], -1)


def rest(scores: Tensor, mask: Tensor) -> Tensor:
    """Return the weight that all lines left, prod_m (1 - beta_im), (..., R); 1 for a reader without lines."""
    return logsigmoid(-scores).masked_fill(~mask, 0.0).sum(-1).exp()


def until_spent(scores: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """Return True for the newest lines, up to the one after which the rest is at most SPENT."""
    newer = weights.flip(-1).cumsum(-1).flip(-1) - weights
    return mask & (1.0 - newer > SPENT)


def stopped(scores: Tensor, gate: Tensor | None, mask: Tensor) -> Tensor:
    """Return stick-breaking weights, with 0 for lines after the rest has fallen to SPENT or below."""
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
"""Stick-breaking that stops at SPENT, for the inference of a network trained with STICK_BREAKING."""
