"""Exchange a trained network's attention for a relative at inference, matched to what it measured on training
images.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor, nn

from models.measures import predict
from models.relatives import DotAttention, RandomAttention, RateAttention, UniformAttention
from models.s2tdpt import S2TDPT

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
        def hook(core: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            weights = core.weights(*inputs[:2]).double()
            others = (leaf.weights(*inputs[:2]).double() for leaf in (rate, dot))
            for row, values in enumerate((weights, weights**2, *others)):
                total[row, layer] += values.sum((0, 1, 3, 4)) / pairs

        return hook

    handles = [
        block.attention.core.register_forward_pre_hook(listen(n)) for n, block in enumerate(net.blocks)
    ]
    try:
        predict(net, images)
    finally:
        for handle in handles:
            handle.remove()
    mean, square, rate_mean, dot_mean = total.cpu()
    spread = (square - mean**2).clamp(min=0).sqrt()
    return AttentionStatistics(mean=mean, spread=spread, rate_mean=rate_mean, dot_mean=dot_mean)


def exchange_attention(
    net: S2TDPT, kind: ExchangeKind, *, statistics: AttentionStatistics | None = None, seed: int = 0
) -> S2TDPT:
    """A copy of the network with the attention of every layer exchanged, nothing retrained.

    "random" (fixed matrices, uniform values) has the mean and spread of the network's own weights,
    "uniform-matched", "rate" and "dot" have their mean, by layer and head, as measured on training images
    (`attention_statistics`); "uniform" stands at the window's offset (a straw man, known as one), "zero"
    passes nothing. ValueError on any other kind.
    """
    if kind not in EXCHANGES:
        raise ValueError(f"attention cannot be exchanged for {kind!r}; there are {', '.join(EXCHANGES)}")
    if statistics is None and kind not in ("uniform", "zero"):
        raise ValueError(
            f"{kind!r} is matched to the network: pass statistics=attention_statistics(net, training_images)"
        )
    copy, config = deepcopy(net), net.config
    one = torch.ones(config.heads, dtype=torch.float64)
    for layer, block in enumerate(copy.blocks):
        if kind == "zero":
            core = UniformAttention(level=0 * one, learned=False)
        elif kind == "uniform":
            core = UniformAttention(level=config.window.offset * one, learned=False)
        elif kind == "uniform-matched":
            core = UniformAttention(level=statistics.mean[layer], learned=False)
        elif kind == "random":
            own = {"mean": statistics.mean[layer], "spread": statistics.spread[layer]}
            core = RandomAttention(tokens=config.tokens, seed=seed * 1000 + layer, **own)
        elif kind == "rate":
            gain = statistics.mean[layer] / statistics.rate_mean[layer].clamp(min=1e-9)
            core = RateAttention(head_dim=config.head_dim, gain=gain)
        else:
            core = DotAttention(gain=statistics.mean[layer] / statistics.dot_mean[layer].clamp(min=1e-9))
        block.attention.core = core.to(next(net.parameters()).device)
    return copy
