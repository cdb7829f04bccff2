"""Two-level softmax of landmark attention: landmarks select blocks, then lines in them (arXiv 2305.16300).

Every S-th line is the landmark of its block.  For reader i of block c:

    p0     softmax over the lines of block c up to i, and the landmarks of blocks before c
    p_b    softmax over the lines of block b without its landmark
    w_ij = p0(j) in the own block;  p_b(j) p0(landmark of b) in an earlier block;  0 at landmarks

The weights of a reader sum to 1.  Training uses all blocks.  With `keep`, only the past blocks with the
largest p0 are read and the weights of the others are dropped, so sums are below 1, as in the published
inference.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import pad

from memsim.models.mixers.rules.controls import only_used
from memsim.models.mixers.rules.rule import Operations, Rule, ends
from memsim.models.mixers.rules.softmax import softmax


def two_level(
    scores: Tensor, gate: Tensor | None, mask: Tensor, *, block: int, keep: int | None = None
) -> Tensor:
    """Return weights of lines in blocks of `block` lines, the last of which is a landmark.

    keep: number of past blocks that a reader reads; None: all.  Shapes as in `Rule`.
    """
    z = scores if gate is None else scores + gate
    lines = z.shape[-1]
    spare = -lines % block
    z, mask = pad(z, (0, spare)), pad(mask, (0, spare))
    at = torch.arange(lines + spare, device=z.device)
    landmark = at % block == block - 1
    own = at // block == (ends(mask) - 1) // block
    first = softmax(z, None, mask & torch.where(landmark, ~own, own))
    inside = softmax(_blocks(z, block), None, _blocks(mask & ~landmark, block)).flatten(-2)
    share = _blocks(first, block)[..., -1]
    if keep is not None:
        share = share * chosen(share, keep)
    far = inside * share.repeat_interleave(block, -1)
    return torch.where(own & ~landmark, first, torch.where(own | landmark, 0.0, far))[..., :lines]


def chosen(shares: Tensor, keep: int) -> Tensor:
    """Return True at the `keep` largest positive shares of each reader (..., R, blocks); ties go to the
    newest.
    """
    order = shares.flip(-1).sort(dim=-1, descending=True, stable=True).indices
    rank = torch.empty_like(order).scatter_(
        -1, order, torch.arange(order.shape[-1], device=order.device).expand_as(order)
    )
    return (rank.flip(-1) < keep) & (shares > 0)


def _blocks(x: Tensor, block: int) -> Tensor:
    return x.unflatten(-1, (-1, block))


def landmarks(block: int, keep: int | None = None) -> Rule:
    """Return the rule for blocks of `block` lines, landmark included, of which `keep` past ones are read.

    Raises ValueError for a block below 2 or `keep` below 1.
    """
    if block < 2 or (keep is not None and keep < 1):
        raise ValueError(
            f"block = {block}, keep = {keep}: block must be 2 or more (a landmark and a line before it), keep"
            " 1 or more"
        )
    return Rule(
        name="landmark",
        weigh=partial(two_level, block=block, keep=keep),
        operations=Operations(
            exponentials=1, additions=1, multiplications=2, comparisons=1 / block, divisions=2
        ),
        reads=only_used,
        block=block,
    )
