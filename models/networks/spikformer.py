"""Spikformer (Zhou et al., ICLR 2023, arXiv:2209.15425): shortcuts that add spikes, so that the layers behind
them see integers; attention by products of spikes.
"""

from collections.abc import Mapping
from typing import Any, final

import torch
from pydantic import Field
from torch import Tensor, nn

from memsim.models.networks.architecture import architecture
from memsim.models.networks.stem_config import StemConfig, stem_fields
from memsim.models.networks.token_names import LARGE, heads, shortest_side
from memsim.models.networks.token_network import TokenNetwork
from memsim.models.parts.membrane_transformer import Dense
from memsim.models.parts.neurons import Add, TokenMean
from memsim.models.parts.patch_stem import PatchStem
from memsim.models.parts.relatives import DotAttention

EXAMPLE = "spikformer-4-384"  #: the paper's for CIFAR-10


@final
class SpikformerConfig(StemConfig):
    """Everything that fixes a Spikformer but its weights; pools stand behind their convolutions."""

    scale: float = Field(default=0.125, gt=0, description="factor behind the attention; 0.25 for DVS sets")
    qkv_bias: bool = Field(
        default=True, description="biases of Q, K and V: the authors' CIFAR code has them, ImageNet's not"
    )
    pool_first: bool = Field(
        default=False,
        description="pool currents before the neurons, as SpikingJelly 2.0.0 does; the authors pool spikes",
    )


@final
class SpikeAttention(nn.Module):
    """Q, K, V spikes by head of tokens (T, B, N, D); A V s; neurons; projection, norm and neurons."""

    def __init__(self, config: SpikformerConfig):
        super().__init__()
        dim, bias = config.dim, config.qkv_bias
        self.heads, self.scale = config.heads, config.scale
        self.q, self.k, self.v = (Dense(dim, dim, bias=bias) for _ in "qkv")
        self.q_lif, self.k_lif, self.v_lif = (config.neuron() for _ in "qkv")
        self.core = DotAttention(gain=torch.ones(config.heads))
        self.core_lif = config.neuron(config.attention_v_threshold)
        self.proj, self.proj_lif = Dense(dim, dim, bias=True), config.neuron()

    def forward(self, tokens: Tensor) -> Tensor:
        q, k, v = (
            lif(layer(tokens)).unflatten(-1, (self.heads, -1)).transpose(-2, -3)
            for layer, lif in ((self.q, self.q_lif), (self.k, self.k_lif), (self.v, self.v_lif))
        )
        mixed = self.core(q, k, v) * self.scale
        return self.proj_lif(self.proj(self.core_lif(mixed.transpose(-2, -3).flatten(-2))))


@final
class SpikeBlock(nn.Module):
    """X' = X + attention(X), X'' = X' + mlp(X'): sums of spikes, integers from 0 on; (T, B, N, D)."""

    def __init__(self, config: SpikformerConfig):
        super().__init__()
        hidden = config.dim * config.mlp_ratio
        self.attention = SpikeAttention(config)
        self.fc1, self.lif1 = Dense(config.dim, hidden, bias=True), config.neuron()
        self.fc2, self.lif2 = Dense(hidden, config.dim, bias=True), config.neuron()
        self.add1, self.add2 = Add(), Add()

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = self.add1(tokens, self.attention(tokens))
        return self.add2(tokens, self.lif2(self.fc2(self.lif1(self.fc1(tokens)))))


def parse(name: str, overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of "spikformer-L-D", None for another name; biases of Q, K and V up to 64 pixels."""
    fields = stem_fields("spikformer", name, overrides)
    if fields is None:
        return None
    return {**fields, "heads": heads(fields["dim"]), "qkv_bias": shortest_side(overrides) <= LARGE}


@final
@architecture("spikformer", SpikformerConfig, parse=parse, example=EXAMPLE)
class Spikformer(TokenNetwork):
    """The network: images (B, C, H, W), pixels in [0, 1], or event frames (T, B, C, H, W) -> logits (B,
    classes).

    Into the attention of block l (from 0) go integers up to 2 + 2 l, into its MLP up to 3 + 2 l. ValueError
    on a wrong shape, on NaN, and on pixels outside [0, 1].
    """

    config: SpikformerConfig

    def __init__(self, config: SpikformerConfig):
        super().__init__(config)
        self.patches = PatchStem(
            config.in_shape[0],
            config.widths,
            config.pools,
            pool_kernel=config.pool_kernel,
            pool_first=config.pool_first,
            membrane=False,
            steps=config.steps,
            neuron=config.neuron,
        )
        self.blocks = nn.ModuleList(SpikeBlock(config) for _ in range(config.layers))
        self.mean = TokenMean()
        self.head = nn.Linear(config.dim, config.num_classes)

    def attention_layers(self) -> list[SpikeAttention]:
        """The self-attention of each block, in order; its `core` is the attention leaf."""
        return [module for module in self.modules() if isinstance(module, SpikeAttention)]
