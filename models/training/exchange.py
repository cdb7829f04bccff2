"""Exchange a trained network's attention for a relative at inference, matched to what it measured on training
images.
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
    """Attention weights over images, steps and pairs, by layer and head, each (layers, H).

    `mean` and `spread` (standard deviation) are those of the network itself; `rate_mean` and `dot_mean` the
    means which the rate-only and dot-product weights have on the same query and key spikes. `tokens` is N.
    """

    mean: Tensor
    spread: Tensor
    rate_mean: Tensor
    dot_mean: Tensor
    tokens: int


def attention_statistics(net: Network, images: Tensor) -> AttentionStatistics:
    """Measure a network's attention on images (B, C, H, W): training images, if a result is to match it.

    ValueError for a network that lists no attention layers.
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
    """Means of one layer's weights, their squares, and the rate-only and dot-product weights: (4, H)."""

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
    """Copy the network with the attention of every layer exchanged, nothing retrained.

    "random" (fixed matrices, uniform values) has the mean and spread of the network's own weights,
    "uniform-matched", "rate" and "dot" have their mean, by layer and head, as measured on training images
    (`attention_statistics`); "uniform" stands at the window's offset (a straw man, known as one), "zero"
    passes nothing. ValueError on any other kind.
    """
    copy = deepcopy(net)
    for layer, attention in enumerate(attention_layers(copy)):
        core = _core(kind, attention.core, layer, statistics, seed)
        attention.core = core.to(next(net.parameters()).device)
    return copy


def _core(
    kind: ExchangeKind, old: AbstractAttention, layer: int, statistics: AttentionStatistics, seed: int
) -> AbstractAttention:
    """Make the relative that takes STDP's place in one layer."""
    if not isinstance(old, STDPAttention):
        raise ValueError(f"STDP attention alone can be exchanged, layer {layer} has {type(old).__name__}")
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
    raise ValueError(f"attention cannot be exchanged for {kind!r}; there are {', '.join(EXCHANGES)}")
