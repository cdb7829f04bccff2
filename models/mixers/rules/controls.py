"""Controls: weights that never look at the content of a line.

    uniform    w_ij = 1 / (number of lines)
    last       w_ij = 1 for the newest line
    recency    w_ij = softmax_j(gate_ij), exp(-(i - j) / tau) normalised

A rule that reads content has to beat all of them, at equal features.
"""

import torch
from torch import Tensor

from memsim.models.mixers.rules.rule import Operations, Rule
from memsim.models.mixers.rules.softmax import softmax


def uniform(scores: Tensor, gate: Tensor | None, mask: Tensor) -> Tensor:
    """Weigh all lines equally."""
    return softmax(torch.zeros_like(scores), None, mask)


def last(scores: Tensor, gate: Tensor | None, mask: Tensor) -> Tensor:
    """Give the newest line that a reader may read the weight 1."""
    newest = mask & (mask.flip(-1).cumsum(-1).flip(-1) == 1)
    return newest.to(scores.dtype).expand_as(scores)


def recency(scores: Tensor, gate: Tensor | None, mask: Tensor) -> Tensor:
    """Weigh lines by their age alone, by the gate."""
    return softmax(torch.zeros_like(scores), gate, mask)


def only_used(scores: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """Read lines that have a weight."""
    return mask & (weights > 0)


UNIFORM = Rule(name="uniform", weigh=uniform, operations=Operations(divisions=1))
LAST = Rule(name="last", weigh=last, own=False, reads=only_used)
RECENCY = Rule(
    name="recency",
    weigh=recency,
    operations=Operations(exponentials=1, additions=1, multiplications=1, divisions=1),
)
