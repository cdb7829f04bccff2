"""Blocks of spiking transformers with membrane shortcuts: S2TDPT, Spikingformer and, with another stem, the
spike-driven transformer.

Tokens are (T, B, N, D): time steps, images, tokens, features. `neuron` is a function that returns a new layer
of neurons.
"""

from collections.abc import Callable, Sequence
from typing import final

from torch import Tensor, nn

from memsim.models.parts.attention import AbstractAttention
from memsim.models.parts.neurons import LIF, Add, SpikePool
from memsim.models.parts.time_axis import each, encoded

Neuron = Callable[[], LIF]


@final
class Dense(nn.Module):
    """Linear layer with batch norm, BN(W S): (T, B, N, D_in) -> (T, B, N, D_out)."""

    def __init__(self, d_in: int, d_out: int, *, bias: bool):
        super().__init__()
        self.linear, self.norm = nn.Linear(d_in, d_out, bias=bias), nn.BatchNorm1d(d_out)

    def forward(self, spikes: Tensor) -> Tensor:
        current = self.linear(spikes)
        return self.norm(current.flatten(0, -2)).view_as(current)


@final
class Stage(nn.Module):
    """Stage of patch splitting on (T, B, C, h, w): LIF, max-pool, convolution, batch norm.

    pool: side of the max-pool, stride 2; 0: none. Source: Eq. (11)-(12) of Mondal & Kumar, arXiv:2511.14691.
    """

    def __init__(self, before: int, after: int, *, pool: int, neuron: Neuron):
        super().__init__()
        self.lif = neuron()
        self.pool = SpikePool(pool, 2, (pool - 1) // 2) if pool else nn.Identity()
        self.conv = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, membrane: Tensor) -> Tensor:
        return each(lambda spikes: self.norm(self.conv(self.pool(spikes))), self.lif(membrane))


@final
class PatchSplitting(nn.Module):
    """Images (B, C, H, W) or frames (T, B, C, H, W) -> membranes U0 of tokens (T, B, N, D), Eq. (10)-(13).

    The encoder convolution is computed once per image; its output is the input current of all T steps.
    """

    def __init__(
        self,
        channels: int,
        widths: Sequence[int],
        pools: Sequence[bool],
        *,
        pool_kernel: int,
        steps: int,
        neuron: Neuron,
    ):
        super().__init__()
        self.steps = steps
        self.encoder = nn.Conv2d(channels, widths[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        self.stages = nn.ModuleList(
            Stage(before, after, pool=pool_kernel * pooled, neuron=neuron)
            for before, after, pooled in zip(widths[:-1], widths[1:], pools[1:], strict=True)
        )

    def forward(self, image: Tensor) -> Tensor:
        membrane = encoded(lambda x: self.norm(self.encoder(x)), image, self.steps)
        for stage in self.stages:
            membrane = stage(membrane)
        return membrane.flatten(-2).transpose(-1, -2)


@final
class SelfAttention(nn.Module):
    """Spiking self-attention on membranes (T, B, N, D), Eq. (14)-(23).

    The order is LIF; spikes Q, K and V of each head; core A V times the scale s; `core_lif`; projection with
    batch norm.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        core: AbstractAttention,
        scale: float,
        core_lif: nn.Module,
        neuron: Neuron,
    ):
        super().__init__()
        self.heads, self.scale = heads, scale
        self.lif = neuron()
        self.q, self.k, self.v = (Dense(dim, dim, bias=False) for _ in "qkv")
        self.q_lif, self.k_lif, self.v_lif = (neuron() for _ in "qkv")
        self.core: AbstractAttention = core
        self.core_lif = core_lif
        self.proj = Dense(dim, dim, bias=True)

    def split(self, spikes: Tensor) -> Tensor:
        """Split features into heads: (T, B, N, D) -> (T, B, H, N, D_H)."""
        return spikes.unflatten(-1, (self.heads, -1)).transpose(-2, -3)

    def forward(self, membrane: Tensor) -> Tensor:
        spikes = self.lif(membrane)
        q, k, v = self.q_lif(self.q(spikes)), self.k_lif(self.k(spikes)), self.v_lif(self.v(spikes))
        mixed = self.core(self.split(q), self.split(k), self.split(v))
        mixed = mixed if self.scale == 1 else mixed * self.scale
        return self.proj(self.core_lif(mixed.transpose(-2, -3).flatten(-2)))


@final
class SpikingMLP(nn.Module):
    """Perceptron on membranes (T, B, N, D), Eq. (26): LIF, linear layer and batch norm, twice."""

    def __init__(self, dim: int, hidden: int, *, neuron: Neuron, layernorm: bool = False):
        super().__init__()
        self.layernorm = nn.LayerNorm(dim) if layernorm else nn.Identity()
        self.lif1, self.fc1 = neuron(), Dense(dim, hidden, bias=True)
        self.lif2, self.fc2 = neuron(), Dense(hidden, dim, bias=True)

    def forward(self, membrane: Tensor) -> Tensor:
        return self.fc2(self.lif2(self.fc1(self.lif1(self.layernorm(membrane)))))


@final
class MembraneBlock(nn.Module):
    """Transformer block with membrane shortcuts, Eq. (24)-(27): U' = U + attention(U), X = U' + mlp(U')."""

    def __init__(self, attention: SelfAttention, mlp: SpikingMLP):
        super().__init__()
        self.attention, self.mlp = attention, mlp
        self.add1, self.add2 = Add(), Add()

    def forward(self, membrane: Tensor) -> Tensor:
        membrane = self.add1(membrane, self.attention(membrane))
        return self.add2(membrane, self.mlp(membrane))
