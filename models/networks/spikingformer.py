"""Spikingformer (Zhou et al., arXiv:2304.11954, 2023): membrane shortcuts, and attention by products of
spikes; S2TDPT is this network with STDP attention.
"""

from collections.abc import Mapping
from typing import Any, final

import torch
from pydantic import Field
from torch import nn

from memsim.models.networks.architecture import architecture
from memsim.models.networks.spiking_config import SpikingTokenConfig
from memsim.models.networks.token_names import halvings, heads, layers_and_width
from memsim.models.networks.token_network import TokenNetwork
from memsim.models.parts.membrane_transformer import (
    MembraneBlock,
    PatchSplitting,
    SelfAttention,
    SpikingMLP,
)
from memsim.models.parts.neurons import TokenMean
from memsim.models.parts.relatives import DotAttention

EXAMPLE = "spikingformer-4-384"  #: the paper's for CIFAR-10


@final
class SpikingformerConfig(SpikingTokenConfig):
    """Everything that fixes a Spikingformer but its weights; pools stand before their convolutions."""

    scale: float = Field(default=0.125, gt=0, description="factor behind the attention")


def parse(name: str, overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of "spikingformer-L-D", None for another name.

    Five convolutions of D/8, D/4, D/2, D and D channels; as many pools as `halvings` says, before the last
    ones. ValueError for a width that is no multiple of 8.
    """
    shape = layers_and_width("spikingformer", name)
    if shape is None:
        return None
    layers, dim = shape
    pools = tuple(5 - index <= halvings(overrides) for index in range(5))
    widths = (dim // 8, dim // 4, dim // 2, dim, dim)
    return {"layers": layers, "dim": dim, "heads": heads(dim), "widths": widths, "pools": pools}


@final
@architecture("spikingformer", SpikingformerConfig, parse=parse, example=EXAMPLE)
class Spikingformer(TokenNetwork):
    """The network: images (B, C, H, W), pixels in [0, 1], or event frames (T, B, C, H, W) -> logits (B,
    classes).

    Parameters have the names of S2TDPT's. ValueError on a wrong shape, NaN, and pixels outside [0, 1].
    """

    config: SpikingformerConfig

    def __init__(self, config: SpikingformerConfig):
        super().__init__(config)
        self.patches = PatchSplitting(
            config.in_shape[0],
            config.widths,
            config.pools,
            pool_kernel=config.pool_kernel,
            steps=config.steps,
            neuron=config.neuron,
        )
        self.blocks = nn.ModuleList(self._block(config) for _ in range(config.layers))
        self.mean = TokenMean()
        self.head = nn.Linear(config.dim, config.num_classes)

    @staticmethod
    def _block(config: SpikingformerConfig) -> MembraneBlock:
        attention = SelfAttention(
            config.dim,
            config.heads,
            core=DotAttention(gain=torch.ones(config.heads)),
            scale=config.scale,
            core_lif=config.neuron(config.attention_v_threshold),
            neuron=config.neuron,
        )
        mlp = SpikingMLP(config.dim, config.dim * config.mlp_ratio, neuron=config.neuron)
        return MembraneBlock(attention, mlp)

    def attention_layers(self) -> list[SelfAttention]:
        """The self-attention of each block, in order; its `core` is the attention leaf."""
        return [module for module in self.modules() if isinstance(module, SelfAttention)]
