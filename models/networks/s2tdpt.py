"""S2TDPT, the spiking transformer with STDP attention: Eq. (10)-(28) of Mondal & Kumar 2025 in
Spikingformer's layout.
"""

from functools import partial
from math import inf
from typing import final

import torch
from torch import nn

from memsim.models.networks.architecture import architecture
from memsim.models.networks.s2tdpt_config import S2TDPTConfig
from memsim.models.networks.s2tdpt_shapes import EXAMPLE, SHAPES, parse
from memsim.models.networks.token_network import TokenNetwork
from memsim.models.parts.attention import AbstractAttention, STDPAttention
from memsim.models.parts.membrane_transformer import (
    MembraneBlock,
    PatchSplitting,
    SelfAttention,
    SpikingMLP,
)
from memsim.models.parts.neurons import LIF, TokenMean
from memsim.models.parts.relatives import DotAttention, RandomAttention, RateAttention, UniformAttention
from memsim.models.parts.spike_driven import SpikeDrivenAttention


def neuron(config: S2TDPTConfig, v_threshold: float | None = None) -> LIF:
    """A LIF layer with the network's constants."""
    return LIF(
        tau=inf if config.tau is None else config.tau,
        v_threshold=config.v_threshold if v_threshold is None else v_threshold,
        v_reset=config.v_reset,
        decay_input=config.decay_input,
        alpha=config.alpha,
        detach_reset=config.detach_reset,
    )


def attention_core(config: S2TDPTConfig, layer: int) -> AbstractAttention:
    """Return the attention leaf of one layer, as the configuration names it."""
    if config.attention == "stdp":
        return STDPAttention(
            heads=config.heads,
            head_dim=config.head_dim,
            window=config.window,
            silent=config.silent,
            form=config.attention_form,
        )
    one = torch.ones(config.heads)
    if config.attention == "rate":
        return RateAttention(head_dim=config.head_dim, gain=one)
    if config.attention == "dot":
        return DotAttention(gain=one)
    if config.attention == "sdsa":
        gate = neuron(config, config.attention_v_threshold)
        return SpikeDrivenAttention(gate=gate, scale=config.scale)
    mean = (
        one * config.window.offset
        if config.attention_mean is None
        else torch.tensor(config.attention_mean[layer])
    )
    if config.attention == "random":
        given = config.attention_spread
        spread = one * config.window.A / 3**0.5 if given is None else torch.tensor(given[layer])
        seed = config.attention_seed * 1000 + layer
        return RandomAttention(tokens=config.tokens, mean=mean, spread=spread, seed=seed)
    return UniformAttention(level=mean, learned=config.attention == "uniform")


def block(config: S2TDPTConfig, layer: int) -> MembraneBlock:
    """One transformer block, with the attention that the configuration names."""
    attention = SelfAttention(
        config.dim,
        config.heads,
        core=attention_core(config, layer),
        scale=config.scale,
        core_lif=neuron(config, config.attention_v_threshold),
        neuron=partial(neuron, config),
    )
    hidden = config.dim * config.mlp_ratio
    mlp = SpikingMLP(config.dim, hidden, neuron=partial(neuron, config), layernorm=config.layernorm)
    return MembraneBlock(attention, mlp)


@final
@architecture("s2tdpt", S2TDPTConfig, shapes=SHAPES, parse=parse, example=EXAMPLE)
class S2TDPT(TokenNetwork):
    """The network: images (B, C, H, W), pixels in [0, 1], or event frames (T, B, C, H, W) -> logits (B,
    classes).

    ValueError on a wrong shape, on NaN, and on pixels outside [0, 1].
    """

    config: S2TDPTConfig

    def __init__(self, config: S2TDPTConfig):
        super().__init__(config)
        self.patches = PatchSplitting(
            config.in_shape[0],
            config.widths,
            config.pools,
            pool_kernel=config.pool_kernel,
            steps=config.steps,
            neuron=partial(neuron, config),
        )
        self.blocks = nn.ModuleList(block(config, layer) for layer in range(config.layers))
        self.mean = TokenMean()
        self.head = nn.Linear(config.dim, config.num_classes)

    def attention_layers(self) -> list[SelfAttention]:
        """The self-attention of each block, in order; its `core` is the attention leaf."""
        return [module for module in self.modules() if isinstance(module, SelfAttention)]
