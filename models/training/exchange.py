"""Replacement of the attention of a trained network by another kind at inference, without training.

The replacement is matched to statistics of the attention weights on training images.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor

from memsim.models.measures import predict
from memsim.models.networks.network import Network, attention_layers
from memsim.models.parts.attention import AbstractAttention, STDPAttention
from memsim.models.parts.relatives import DotAttention, RandomAttention, RateAttention, UniformAttention

ExchangeKind = Literal["random", "uniform", "uniform-matched", "rate", "dot", "zero"]
EXCHANGES: tuple[ExchangeKind, ...] = ("random", "uniform", "uniform-matched", "rate", "dot", "zero")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionStatistics:
    """Statistics of attention weights over images, steps and token pairs, by layer and head, (layers, H).

    `mean` and `spread` (standard deviation) are those of the network; `rate_mean` and `dot_mean` are the
    means of rate-only and dot-product attention for the same query and key spikes. `tokens` is N.
    """

    mean: Tensor
    spread: Tensor
    rate_mean: Tensor
    dot_mean: Tensor
    tokens: int


def attention_statistics(net: Network, images: Tensor) -> AttentionStatistics:
    """Measure the attention weights of a network on images (B, C, H, W).

    Use training images if another attention is to be matched to the result. Raises ValueError for a network
    that lists no attention layers.
    """
    layers = attention_layers(net)
    found = [_Sums(len(images)) for _ in layers]
    handles = [
        layer.core.register_forward_pre_hook(sums.add) for layer, sums in zip(layers, found, strict=True)
    ]
    try:
        predict(net, images)
    finally:
        for handle in handles:
            handle.remove()
    mean, square, rate_mean, dot_mean = torch.stack([sums.total for sums in found], 1).cpu()
    spread = (square - mean**2).clamp(min=0).sqrt()
    return AttentionStatistics(
        mean=mean, spread=spread, rate_mean=rate_mean, dot_mean=dot_mean, tokens=found[0].tokens
    )


class _Sums:
    """Means (4, H) of the weights of one layer, of their squares, and of rate-only and dot-product
    weights.
    """

    def __init__(self, images: int):
        self.images, self.tokens, self.total = images, 0, torch.zeros(())

    def add(self, core: AbstractAttention, inputs: tuple[Tensor, ...]) -> None:
        """Add one batch: query and key spikes (T, B, H, N, D_H)."""
        q, k = inputs[:2]
        steps, _, heads, self.tokens, head_dim = q.shape
        one = torch.ones(heads)
        relatives = RateAttention(head_dim=head_dim, gain=one), DotAttention(gain=one)
        weights = core.weights(q, k).double()
        others = (leaf.to(q.device).weights(q, k).double() for leaf in relatives)
        pairs = steps * self.images * self.tokens**2
        rows = [values.sum((0, 1, 3, 4)) / pairs for values in (weights, weights**2, *others)]
        self.total = self.total + torch.stack(rows)


def exchange_attention(
    net: Network, kind: ExchangeKind, *, statistics: AttentionStatistics, seed: int = 0
) -> Network:
    """Return a copy of a network in which the STDP attention of every layer is replaced, without training.

    "random": fixed matrices of uniformly distributed weights with the mean and spread of the network's own.
    "uniform-matched", "rate" and "dot": have the mean of the network's own weights by layer and head.
    "uniform": all weights equal the offset of the window, a weak baseline. "zero": all weights are 0.
    Mean and spread are those of `attention_statistics`; seed: of the random matrices. Raises ValueError for
    another kind, and for a network with other attention than STDP.
    """
    copy = deepcopy(net)
    for layer, attention in enumerate(attention_layers(copy)):
        core = _core(kind, attention.core, layer, statistics, seed)
        attention.core = core.to(next(net.parameters()).device)
    return copy


def _core(
    kind: ExchangeKind, old: AbstractAttention, layer: int, statistics: AttentionStatistics, seed: int
) -> AbstractAttention:
    """Return the attention that replaces STDP in one layer."""
    if not isinstance(old, STDPAttention):
        raise ValueError(f"only STDP attention can be exchanged; layer {layer} has {type(old).__name__}")
    mean, one = statistics.mean[layer], torch.ones(old.heads)
    if kind == "zero":
        return UniformAttention(level=0 * one, learned=False)
    if kind == "uniform":
        return UniformAttention(level=old.window.offset * one, learned=False)
    if kind == "uniform-matched":
        return UniformAttention(level=mean, learned=False)
    if kind == "random":
        spread = statistics.spread[layer]
        return RandomAttention(tokens=statistics.tokens, mean=mean, spread=spread, seed=seed * 1000 + layer)
    if kind == "rate":
        gain = mean / statistics.rate_mean[layer].clamp(min=1e-9)
        return RateAttention(head_dim=old.head_dim, gain=gain)
    if kind == "dot":
        return DotAttention(gain=mean / statistics.dot_mean[layer].clamp(min=1e-9))
    raise ValueError(f"kind = {kind!r}: attention can be exchanged for one of {', '.join(EXCHANGES)}")
