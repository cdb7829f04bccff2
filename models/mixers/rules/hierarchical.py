"""Hierarchical sparse attention: stick-breaking over chunks, softmax-off-by-one in them (arXiv 2504.16795).

    s_ic                 score of a chunk c that lies completely before reader i; the K largest are kept
    w_c  = sigma(s_ic) prod_{kept m newer than c} (1 - sigma(s_im))
    w_ij = w_c exp(z_ij) / (1 + sum_{m in c} exp(z_im))       j in c

The weights of a reader sum to at most 1; the remaining weight is not used.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import pad

from memsim.models.mixers.rules.controls import only_used
from memsim.models.mixers.rules.rule import Operations, Rule
from memsim.models.mixers.rules.stick_breaking import stick_breaking
from memsim.models.mixers.rules.two_level import chosen


def hierarchical(
    scores: Tensor, gate: Tensor | None, mask: Tensor, *, chunk: int, keep: int | None = None
) -> Tensor:
    """Return weights of lines in chunks of `chunk` lines, of which at most `keep` are read (None: all).

    gate: score s of the chunk of each line, equal for the lines of a chunk; None: 0.  Shapes as in `Rule`.
    """
    lines = scores.shape[-1]
    chunk_scores = torch.zeros_like(scores) if gate is None else gate
    z, s, allowed = (
        pad(x, (0, -lines % chunk)).unflatten(-1, (-1, chunk)) for x in (scores, chunk_scores, mask)
    )
    whole = allowed.all(-1)
    s = s[..., 0]
    if keep is not None:
        whole = whole & chosen(s.sigmoid() * whole, keep)
    share = stick_breaking(s, None, whole)
    return (share[..., None] * off_by_one(z)).flatten(-2)[..., :lines].masked_fill(~mask, 0.0)


def off_by_one(scores: Tensor) -> Tensor:
    """Return exp(z) / (1 + sum exp(z)) over the last axis: a softmax with an additional score of 0."""
    return pad(scores, (0, 1)).softmax(-1)[..., :-1]


def chunks(chunk: int, keep: int | None = None) -> Rule:
    """Return the rule for chunks of `chunk` lines, of which the best `keep` are read (None: all).

    Raises ValueError for numbers below 1.
    """
    if chunk < 1 or (keep is not None and keep < 1):
        raise ValueError(f"chunk = {chunk}, keep = {keep}: 1 or more is needed")
    return Rule(
        name="hierarchical",
        weigh=partial(hierarchical, chunk=chunk, keep=keep),
        own=False,
        operations=Operations(
            exponentials=1, additions=1, multiplications=2, comparisons=1 / chunk, divisions=1
        ),
        reads=only_used,
        block=chunk,
    )
