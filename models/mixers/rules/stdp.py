"""The STDP window of S2TDPT as a rule: weights from the difference of two spike counts (arXiv 2511.14691).

    dt_ij = t_max (r_K(j) - r_Q(i)) / r_max
    w_ij  = offset + A f(dt_ij) if the key fires after the query (dt < 0), else offset - A f(dt_ij)

f is the window, an exponential by default.  The score of a line is its spike count r_K(j) = sum_d k_jd, read
with a query of ones; the gate is -r_Q(i).  Scores are rounded to whole counts.  The weights are not
normalised.
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
    """Return the weights of the window at whole differences of counts, each count from 0 to `most`.

    Gradients pass the rounding unchanged (straight-through estimator).  Shapes as in `Rule`.
    """
    z = scores if gate is None else scores + gate
    difference = z + (z.round() - z).detach()
    none = torch.zeros_like(difference[..., :1])
    weights = window.attention(none, difference, head_dim=most)[..., 0, :]
    return weights.masked_fill(~mask, 0.0)


def stdp(window: Window, most: int) -> Rule:
    """Return the rule of a window for counts up to `most`.  Raises ValueError for `most` below 1."""
    if most < 1:
        raise ValueError(f"most = {most} spikes: 1 or more is needed")
    return Rule(
        name="stdp",
        weigh=partial(windowed_counts, window=window, most=most),
        operations=Operations(exponentials=1, additions=2, comparisons=1),
    )
