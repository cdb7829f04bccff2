"""Filters on Delta of a trained state-space mixer, for sequences longer than those of its training.

With Delta_t = 0, token t is neither written, nor does the state decay.  `kept` is DeciMamba (arXiv
2406.14528): only the tokens with the largest Delta are used.  `thresholded` is LongMamba (arXiv 2504.16053):
heads that remember a whole training sequence skip tokens with small Delta.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def tokens_kept(length: int, layer: int, *, base: int = 2000, factor: float = 0.5, least: int = 20) -> int:
    """Return the number of tokens that DeciMamba keeps in a layer: max(min(L, base factor^layer), least).

    It never exceeds the length L.  layer counts from 0.  Raises ValueError for arguments that are not
    positive (layer: below 0) or a factor outside (0, 1].
    """
    if length < 1 or layer < 0 or base < 1 or not 0 < factor <= 1 or least < 1:
        raise ValueError(
            f"length = {length}, layer = {layer}, base = {base}, factor = {factor}, least = {least}: positive"
            " whole numbers (layer: 0 or more) and a factor in (0, 1] are needed"
        )
    return min(length, max(min(length, int(base * factor**layer)), least))


def kept(delta: Tensor, tokens: int) -> Tensor:
    """Return Delta (B, T, H) with 0 for all but the `tokens` tokens of largest norm over heads.

    The published filter removes the other tokens from the layer; skipping them leaves the same state.  Raises
    ValueError for a number of tokens below 0.
    """
    if tokens < 0:
        raise ValueError(f"tokens = {tokens}: 0 or more is needed")
    if tokens >= delta.shape[1]:
        return delta
    chosen = delta.norm(dim=-1).topk(tokens, dim=1).indices
    mask = torch.zeros(delta.shape[:2], dtype=torch.bool, device=delta.device).scatter_(1, chosen, True)
    return delta * mask[..., None]


def remembers(rate: Tensor, delta: Tensor, theta: float) -> Tensor:
    """Return which heads, bool (H,), still remember the first token at the end of a training sequence.

    The criterion is mean_B exp(-rate sum_t Delta_t) > theta, with rate = -A (H,) and delta (B, T, H).
    Raises ValueError for a theta outside 0 to 1.
    """
    if not 0 <= theta <= 1:
        raise ValueError(f"theta = {theta}: 0 to 1 is allowed, the share of the first token that is left")
    return torch.exp(-rate * delta.sum(1)).mean(0) > theta


def threshold(training: Tensor, length: int, clamp: float = 0.05) -> float:
    """Return the Delta below which tokens of a sequence of `length` tokens are skipped.

    training (T,): Delta of one head over a training sequence.  Its largest values, a share `clamp` of them,
    are reduced to the next value.  The values, sorted from the largest, are then interpolated to `length`
    tokens, and the largest are kept until their sum reaches that of training.  The result is 0 for a length
    up to T.  Raises ValueError for an empty, not one-dimensional or negative `training`, for a length below 1
    and for clamp outside [0, 1).
    """
    if length < 1:
        raise ValueError(f"length = {length} tokens: 1 or more is needed")
    if training.dim() != 1 or not len(training) or not 0 <= clamp < 1:
        raise ValueError(
            f"training of shape {tuple(training.shape)}, clamp = {clamp}: a shape (T,) and a clamp from 0 to"
            " below 1 are needed"
        )
    if not (training >= 0).all():
        raise ValueError("training holds numbers below 0 or NaN; Delta is positive")
    tokens = len(training)
    if length <= tokens:
        return 0.0
    ordered = training.double().sort(descending=True).values
    ordered = ordered.clamp(max=float(ordered[min(math.ceil(clamp * tokens), tokens - 1)]))
    place = torch.linspace(0, tokens - 1, length, dtype=torch.float64)
    low = place.floor().long().clamp(max=tokens - 1)
    high = (low + 1).clamp(max=tokens - 1)
    stretched = torch.lerp(ordered[low], ordered[high], place - low)
    rank = int(torch.searchsorted(stretched.cumsum(0), ordered.sum() * (1 - 1e-12)))
    return float(stretched[min(rank, length - 1)])


def thresholded(delta: Tensor, limit: Tensor) -> Tensor:
    """Return Delta (B, T, H) with 0 in place of values below the limit (H,) of their head."""
    return torch.where(delta < limit, torch.zeros_like(delta), delta)
