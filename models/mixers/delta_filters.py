"""Filters on Delta of a trained state-space mixer, for sequences longer than it was trained on.

Delta_t = 0 neither writes token t nor lets the state fade.  `kept`: DeciMamba (arXiv 2406.14528), the tokens
of largest Delta alone.  `thresholded`: LongMamba (arXiv 2504.16053), in heads that remember all of a training
sequence, tokens of small Delta are passed over.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def tokens_kept(length: int, layer: int, *, base: int = 2000, factor: float = 0.5, least: int = 20) -> int:
    """Tokens that DeciMamba keeps in the `layer`-th of its layers: max(min(L, base factor^layer), least).

    Raises ValueError for numbers that are none.
    """
    if length < 1 or layer < 0 or base < 1 or not 0 < factor <= 1 or least < 1:
        raise ValueError(
            f"length = {length}, layer = {layer}, base = {base}, factor = {factor}, least = {least}: positive"
            " whole numbers, and a factor in (0, 1]"
        )
    return min(length, max(min(length, int(base * factor**layer)), least))


def kept(delta: Tensor, tokens: int) -> Tensor:
    """Delta (B, T, H) where a token is among the `tokens` of largest norm over heads, 0 elsewhere.

    The published filter takes such tokens out of the layer altogether; passing them over leaves the same
    state.
    """
    if tokens >= delta.shape[1]:
        return delta
    chosen = delta.norm(dim=-1).topk(tokens, dim=1).indices
    mask = torch.zeros(delta.shape[:2], dtype=torch.bool, device=delta.device).scatter_(1, chosen, True)
    return delta * mask[..., None]


def remembers(rate: Tensor, delta: Tensor, theta: float) -> Tensor:
    """Heads (H,) that still hold a training sequence's first token at its end: the product of their decays,
    exp(-rate sum Delta) in the mean over sequences, is above theta; rate = -A (H,), delta (B, T, H).
    """
    return torch.exp(-rate * delta.sum(1)).mean(0) > theta


def threshold(training: Tensor, length: int, clamp: float = 0.05) -> float:
    """The Delta below which tokens of a sequence of `length` are passed over; 0 up to the training length.

    training (T,): Delta of a head over a training sequence, whose largest share `clamp` is cut to the next
    value.  Sorted from the largest, it is stretched over `length` tokens, and as many are kept as add up to
    the training sum.  Raises ValueError for an empty sequence.
    """
    if training.dim() != 1 or not len(training) or not 0 <= clamp < 1:
        raise ValueError(f"training {tuple(training.shape)}, clamp = {clamp}: Delta of (T,) tokens, 0 to 1")
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
    """Delta (B, T, H), 0 where it is below the limit (H,) of its head; a limit of 0 changes nothing."""
    return torch.where(delta < limit, torch.zeros_like(delta), delta)
