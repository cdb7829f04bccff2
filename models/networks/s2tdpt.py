"""S2TDPT, the spiking transformer with STDP attention: Eq. (10)-(28) of Mondal & Kumar 2025 in
Spikingformer's layout.
"""

from typing import final

import torch
from torch import Tensor, nn

from memsim.energy.census import Census
from memsim.models.networks.architecture import architecture
from memsim.models.networks.network import Network, check_image
from memsim.models.networks.s2tdpt_config import S2TDPTConfig
from memsim.models.networks.s2tdpt_shapes import EXAMPLE, SHAPES, parse
from memsim.models.parts.attention import AbstractAttention, STDPAttention
from memsim.models.parts.neurons import LIF, Add, SpikePool, TokenMean
from memsim.models.parts.relatives import DotAttention, RandomAttention, RateAttention, UniformAttention
from memsim.models.parts.spike_driven import SpikeDrivenAttention


def neuron(config: S2TDPTConfig, v_threshold: float | None = None) -> LIF:
    """A LIF layer with the network's constants."""
    return LIF(
        tau=config.tau,
        v_threshold=config.v_threshold if v_threshold is None else v_threshold,
        v_reset=config.v_reset,
        decay_input=config.decay_input,
        alpha=config.alpha,
        detach_reset=config.detach_reset,
    )


def attention_core(config: S2TDPTConfig, layer: int) -> AbstractAttention:
    """The attention leaf the configuration asks for in one layer."""
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


@final
class Dense(nn.Module):
    """BN(W S): a linear layer over tokens (T, B, N, D_in) and its batch norm, (T, B, N, D_out)."""

    def __init__(self, d_in: int, d_out: int, *, bias: bool):
        super().__init__()
        self.linear, self.norm = nn.Linear(d_in, d_out, bias=bias), nn.BatchNorm1d(d_out)

    def forward(self, spikes: Tensor) -> Tensor:
        current = self.linear(spikes)
        return self.norm(current.flatten(0, -2)).view_as(current)


@final
class Stage(nn.Module):
    """One stage of patch splitting, Eq. (11)-(12): LIF, max-pool if asked, convolution, batch norm, on (T, B,
    C, h, w).
    """

    def __init__(self, config: S2TDPTConfig, index: int):
        super().__init__()
        kernel = config.pool_kernel
        self.lif = neuron(config)
        self.pool = SpikePool(kernel, 2, (kernel - 1) // 2) if config.pools[index] else nn.Identity()
        self.conv = nn.Conv2d(config.widths[index - 1], config.widths[index], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(config.widths[index])

    def forward(self, membrane: Tensor) -> Tensor:
        spikes = self.lif(membrane)
        maps = self.norm(self.conv(self.pool(spikes.flatten(0, 1))))
        return maps.unflatten(0, spikes.shape[:2])


@final
class PatchSplitting(nn.Module):
    """Image (B, C, H, W) -> tokens' membrane U0 (T, B, N, D), Eq. (10)-(13).

    The encoder convolution sees the pixels once; its current is held over the T steps.
    """

    def __init__(self, config: S2TDPTConfig):
        super().__init__()
        self.steps = config.steps
        self.encoder = nn.Conv2d(config.in_shape[0], config.widths[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(config.widths[0])
        self.stages = nn.ModuleList(Stage(config, index) for index in range(1, len(config.widths)))

    def forward(self, image: Tensor) -> Tensor:
        current = self.norm(self.encoder(image))
        membrane = current.expand(self.steps, *current.shape)
        for stage in self.stages:
            membrane = stage(membrane)
        return membrane.flatten(-2).transpose(-1, -2)


@final
class SelfAttention(nn.Module):
    """Eq. (14)-(23) on membranes (T, B, N, D): LIF; Q, K, V spikes by head; A V s; LIF; projection with batch
    norm.
    """

    def __init__(self, config: S2TDPTConfig, layer: int):
        super().__init__()
        self.heads, self.scale = config.heads, config.scale
        self.lif = neuron(config)
        self.q, self.k, self.v = (Dense(config.dim, config.dim, bias=False) for _ in "qkv")
        self.q_lif, self.k_lif, self.v_lif = (neuron(config) for _ in "qkv")
        self.core: AbstractAttention = attention_core(config, layer)
        self.core_lif = neuron(config, config.attention_v_threshold)
        self.proj = Dense(config.dim, config.dim, bias=True)

    def split(self, spikes: Tensor) -> Tensor:
        """(T, B, N, D) -> (T, B, H, N, D_H)."""
        return spikes.unflatten(-1, (self.heads, -1)).transpose(-2, -3)

    def forward(self, membrane: Tensor) -> Tensor:
        spikes = self.lif(membrane)
        q, k, v = self.q_lif(self.q(spikes)), self.k_lif(self.k(spikes)), self.v_lif(self.v(spikes))
        mixed = self.core(self.split(q), self.split(k), self.split(v)) * self.scale
        return self.proj(self.core_lif(mixed.transpose(-2, -3).flatten(-2)))


@final
class SpikingMLP(nn.Module):
    """Eq. (26) on membranes (T, B, N, D): two times LIF, linear layer, batch norm."""

    def __init__(self, config: S2TDPTConfig):
        super().__init__()
        hidden = config.dim * config.mlp_ratio
        self.layernorm = nn.LayerNorm(config.dim) if config.layernorm else nn.Identity()
        self.lif1, self.fc1 = neuron(config), Dense(config.dim, hidden, bias=True)
        self.lif2, self.fc2 = neuron(config), Dense(hidden, config.dim, bias=True)

    def forward(self, membrane: Tensor) -> Tensor:
        return self.fc2(self.lif2(self.fc1(self.lif1(self.layernorm(membrane)))))


@final
class Block(nn.Module):
    """A transformer block with membrane shortcuts, Eq. (24)-(27): U' = U + attention(U), X = U' + mlp(U')."""

    def __init__(self, config: S2TDPTConfig, layer: int):
        super().__init__()
        self.attention, self.mlp = SelfAttention(config, layer), SpikingMLP(config)
        self.add1, self.add2 = Add(), Add()

    def forward(self, membrane: Tensor) -> Tensor:
        membrane = self.add1(membrane, self.attention(membrane))
        return self.add2(membrane, self.mlp(membrane))


@final
@architecture("s2tdpt", S2TDPTConfig, shapes=SHAPES, parse=parse, example=EXAMPLE)
class S2TDPT(Network):
    """The network: images (B, C, H, W), pixels in [0, 1], -> logits (B, classes).

    ValueError on a wrong image shape, on NaN, and on pixels outside [0, 1].
    """

    config: S2TDPTConfig

    def __init__(self, config: S2TDPTConfig):
        super().__init__(config)
        self.patches = PatchSplitting(config)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.mean = TokenMean()
        self.head = nn.Linear(config.dim, config.num_classes)

    def attention_layers(self) -> list[SelfAttention]:
        """The self-attention of each block, in order; its `core` is the attention leaf."""
        return [module for module in self.modules() if isinstance(module, SelfAttention)]

    def forward(self, image: Tensor) -> Tensor:
        with Census.paused():  # a check, no work of the network
            check_image(image, self.config.in_shape)
        membrane = self.patches(image)
        for block in self.blocks:
            membrane = block(membrane)
        return self.head(self.mean(membrane))
