"""How much two maps agree, as numbers: rank correlation, and overlap of their highest fifths.

Both see the order of places alone: neither a map's scale nor its zero matters.
"""

from __future__ import annotations

import torch
from torch import Tensor

FIFTH = 0.2
"""The share of places whose overlap is measured."""

MEASURES = {"rank correlation [1]": (-1.0, 1.0), "overlap of the top fifth [1]": (0.0, 1.0)}
"""What agreement is measured by, and its range."""


def rank_correlation(one: Tensor, other: Tensor) -> Tensor:
    """Spearman's correlation of maps (..., h, w), from -1 to 1; NaN where a map has the same value
    everywhere, and so no order.

    Values that tie have the mean of their ranks.  Shapes may broadcast.
    """
    a, b = torch.broadcast_tensors(_flat(one), _flat(other))
    a, b = (ranks - ranks.mean(-1, keepdim=True) for ranks in (_ranks(a), _ranks(b)))
    scale = (a.square().sum(-1) * b.square().sum(-1)).sqrt()
    return torch.where(scale > 0, (a * b).sum(-1) / scale.clamp(min=1e-300), torch.nan)


def top_overlap(one: Tensor, other: Tensor, share: float = FIFTH) -> Tensor:
    """Which share of the highest places of one map (..., h, w) the other has among its highest, too [1].

    k = share x places, rounded, at least one; two unrelated maps share k / places on average: 1/5.  Places
    that tie at the border divide what is left among them.  Raises ValueError for a share outside (0, 1).
    """
    if not 0 < share < 1:
        raise ValueError(f"share = {share}: the part of a map's places, above 0 and below 1")
    a, b = torch.broadcast_tensors(_flat(one), _flat(other))
    count = top_count(a.shape[-1], share)
    return torch.minimum(_members(a, count), _members(b, count)).sum(-1) / count


def top_count(places: int, share: float = FIFTH) -> int:
    """How many of a map's places are that share of them."""
    return max(1, round(share * places))


def _flat(maps: Tensor) -> Tensor:
    return maps.double().flatten(-2)


def _ranks(values: Tensor) -> Tensor:
    """Ranks (..., N), those of equal values being their mean."""
    in_order, values = values.sort(-1).values, values.contiguous()
    below, up_to = (torch.searchsorted(in_order, values, right=right) for right in (False, True))
    return (below + up_to + 1).double() / 2


def _members(values: Tensor, count: int) -> Tensor:
    """How far each place belongs to the `count` highest, from 0 to 1."""
    border = values.topk(count, -1).values[..., -1:]
    above, at = values > border, values == border
    left = count - above.sum(-1, keepdim=True).double()
    return above + at * (left / at.sum(-1, keepdim=True))


def agree(one: Tensor, other: Tensor) -> dict[str, Tensor]:
    """Agreement of maps (..., h, w) by every measure, NaN where one of them has no order."""
    order = rank_correlation(one, other)
    top = torch.where(order.isnan(), torch.nan, top_overlap(one, other))
    return dict(zip(MEASURES, (order, top), strict=True))
