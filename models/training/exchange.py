"""Exchange a trained network's attention for a relative at inference, matched to what it measured on training
images.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor

from memsim.models.measures import predict
from memsim.models.networks.s2tdpt import S2TDPT
from memsim.models.networks.s2tdpt_config import S2TDPTConfig
from memsim.models.parts.attention import AbstractAttention
from memsim.models.parts.relatives import DotAttention, RandomAttention, RateAttention, UniformAttention

ExchangeKind = Literal["random", "uniform", "uniform-matched", "rate", "dot", "zero"]
EXCHANGES: tuple[ExchangeKind, ...] = ("random", "uniform", "uniform-matched", "rate", "dot", "zero")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionStatistics:
    """Attention weights over images, steps and pairs, by layer and head, each (layers, H): those of the
    network itself, and

    the means the rate-only and dot-product weights have on the same query and key spikes.
    """

    mean: Tensor
    spread: Tensor
    rate_mean: Tensor
    dot_mean: Tensor


def attention_statistics(net: S2TDPT, images: Tensor) -> AttentionStatistics:
    """Measure a network's attention on images (B, C, H, W): training images, where the result is to match
    something.
    """
    config, device = net.config, next(net.parameters()).device
    total = torch.zeros(4, config.layers, config.heads, dtype=torch.float64, device=device)
    one = torch.ones(config.heads)
    rate, dot = (
        RateAttention(head_dim=config.head_dim, gain=one).to(device),
        DotAttention(gain=one).to(device),
    )
    pairs = config.steps * len(images) * config.tokens**2

    def listen(layer: int):
        def hook(core: AbstractAttention, inputs: tuple[Tensor, ...]) -> None:
            weights = core.weights(*inputs[:2]).double()
            others = (leaf.weights(*inputs[:2]).double() for leaf in (rate, dot))
            for row, values in enumerate((weights, weights**2, *others)):
                total[row, layer] += values.sum((0, 1, 3, 4)) / pairs

        return hook

    layers = enumerate(net.attention_layers())
    handles = [layer.core.register_forward_pre_hook(listen(n)) for n, layer in layers]
    try:
        predict(net, images)
    finally:
        for handle in handles:
            handle.remove()
    mean, square, rate_mean, dot_mean = total.cpu()
    spread = (square - mean**2).clamp(min=0).sqrt()
    return AttentionStatistics(mean=mean, spread=spread, rate_mean=rate_mean, dot_mean=dot_mean)


def exchange_attention(
    net: S2TDPT, kind: ExchangeKind, *, statistics: AttentionStatistics, seed: int = 0
) -> S2TDPT:
    """A copy of the network with the attention of every layer exchanged, nothing retrained.

    "random" (fixed matrices, uniform values) has the mean and spread of the network's own weights,
    "uniform-matched", "rate" and "dot" have their mean, by layer and head, as measured on training images
    (`attention_statistics`); "uniform" stands at the window's offset (a straw man, known as one), "zero"
    passes nothing. ValueError on any other kind.
    """
    copy = deepcopy(net)
    for layer, attention in enumerate(copy.attention_layers()):
        core = _core(kind, net.config, layer, statistics, seed)
        attention.core = core.to(next(net.parameters()).device)
    return copy


def _core(
    kind: ExchangeKind, config: S2TDPTConfig, layer: int, statistics: AttentionStatistics, seed: int
) -> AbstractAttention:
    """The relative that takes STDP's place in one layer."""
    mean, one = statistics.mean[layer], torch.ones(config.heads)
    if kind == "zero":
        return UniformAttention(level=0 * one, learned=False)
    if kind == "uniform":
        return UniformAttention(level=config.window.offset * one, learned=False)
    if kind == "uniform-matched":
        return UniformAttention(level=mean, learned=False)
    if kind == "random":
        spread = statistics.spread[layer]
        return RandomAttention(tokens=config.tokens, mean=mean, spread=spread, seed=seed * 1000 + layer)
    if kind == "rate":
        gain = mean / statistics.rate_mean[layer].clamp(min=1e-9)
        return RateAttention(head_dim=config.head_dim, gain=gain)
    if kind == "dot":
        return DotAttention(gain=mean / statistics.dot_mean[layer].clamp(min=1e-9))
    raise ValueError(f"attention cannot be exchanged for {kind!r}; there are {', '.join(EXCHANGES)}")
