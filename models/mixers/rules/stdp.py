"""S2TDPT's window as a rule: the weight of a line by the difference of two spike counts (arXiv 2511.14691).

    w_ij = offset + A f(dt_ij) before, offset - A f(dt_ij) after,   dt_ij = t_max (r_K(j) - r_Q(i)) / r_max

The score of a line is its count r_K(j) = sum_d k_jd, read with a query of ones; the gate is -r_Q(i).  Scores
are rounded to whole counts.  Nothing is normalised: weights of a reader sum to what they sum to.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from memsim.models.mixers.rules.rule import Operations, Rule
from memsim.models.parts.stdp import Window


def windowed_counts(
    scores: Tensor, gate: Tensor | None, mask: Tensor, *, window: Window, most: int
) -> Tensor:
    """Weigh lines by the window at whole differences of counts, 0 to `most` each; gradients pass rounding."""
    z = scores if gate is None else scores + gate
    difference = z + (z.round() - z).detach()
    none = torch.zeros_like(difference[..., :1])
    weights = window.attention(none, difference, head_dim=most)[..., 0, :]
    return weights.masked_fill(~mask, 0.0)


def stdp(window: Window, most: int) -> Rule:
    """The rule of a window for counts up to `most`.  Raises ValueError below 1."""
    if most < 1:
        raise ValueError(f"most = {most} spikes: 1 or more is needed")
    return Rule(
        name="stdp",
        weigh=partial(windowed_counts, window=window, most=most),
        operations=Operations(exponentials=1, additions=2, comparisons=1),
    )
