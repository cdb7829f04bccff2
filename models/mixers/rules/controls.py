"""Controls: rules whose weights do not depend on the content of lines.

    uniform    w_ij = 1 / (number of lines)
    last       w_ij = 1 for the newest line
    recency    w_ij = softmax_j(gate_ij), for example exp(-(i - j) / tau), normalised

A rule that uses content is useful only if it is better than all of these with the same features.
"""

import torch
from torch import Tensor

from memsim.models.mixers.rules.rule import Operations, Rule
from memsim.models.mixers.rules.softmax import softmax


def uniform(scores: Tensor, gate: Tensor | None, mask: Tensor) -> Tensor:
    """Return equal weights for all lines; shapes as in `Rule`."""
    return softmax(torch.zeros_like(scores), None, mask)


def last(scores: Tensor, gate: Tensor | None, mask: Tensor) -> Tensor:
    """Return the weight 1 for the newest line that a reader may read, else 0."""
    newest = mask & (mask.flip(-1).cumsum(-1).flip(-1) == 1)
    return newest.to(scores.dtype).expand_as(scores)


def recency(scores: Tensor, gate: Tensor | None, mask: Tensor) -> Tensor:
    """Return weights softmax(gate), which depend on the age of lines only."""
    return softmax(torch.zeros_like(scores), gate, mask)


def only_used(scores: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """Return True for lines with a weight above 0; the others need not be read."""
    return mask & (weights > 0)


UNIFORM = Rule(name="uniform", weigh=uniform, operations=Operations(divisions=1))
LAST = Rule(name="last", weigh=last, own=False, reads=only_used)
RECENCY = Rule(
    name="recency",
    weigh=recency,
    operations=Operations(exponentials=1, additions=1, multiplications=1, divisions=1),
)
