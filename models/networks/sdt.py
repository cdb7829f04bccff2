"""The spike-driven transformer (Yao et al., NeurIPS 2023, arXiv:2307.01694): membrane shortcuts, and gates of
channels in the place of attention, so that no two signals are multiplied.
"""

from collections.abc import Mapping
from typing import Any, Literal, final

from pydantic import Field
from torch import Tensor, nn

from memsim.models.networks.architecture import architecture
from memsim.models.networks.stem_config import StemConfig, stem_fields
from memsim.models.networks.token_network import TokenNetwork
from memsim.models.parts.means import TimeMean, TokenMeanOfStep
from memsim.models.parts.membrane_transformer import MembraneBlock, SelfAttention, SpikingMLP
from memsim.models.parts.patch_stem import PatchStem
from memsim.models.parts.spike_driven import SpikeDrivenAttention

EXAMPLE = "sdt-2-512"  #: the paper's for CIFAR-10


@final
class SDTConfig(StemConfig):
    """Everything that fixes a spike-driven transformer but its weights; pools stand behind their
    convolutions, the last of them pools membranes.
    """

    heads: Literal[1] = Field(default=1, description="gates are of single channels: heads change nothing")


def parse(name: str, overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of "sdt-L-D", None for another name."""
    return stem_fields("sdt", name, overrides)


@final
@architecture("sdt", SDTConfig, parse=parse, example=EXAMPLE)
class SpikeDrivenTransformer(TokenNetwork):
    """The network: images (B, C, H, W), pixels in [0, 1], or event frames (T, B, C, H, W) -> logits (B,
    classes).

    The talking-heads convolution that the authors' code makes and never calls (heads^2 parameters a block)
    is left out. ValueError on a wrong shape, on NaN, and on pixels outside [0, 1].
    """

    config: SDTConfig

    def __init__(self, config: SDTConfig):
        super().__init__(config)
        self.patches = PatchStem(
            config.in_shape[0],
            config.widths,
            config.pools,
            pool_kernel=config.pool_kernel,
            pool_first=False,
            membrane=True,
            steps=config.steps,
            neuron=config.neuron,
        )
        self.blocks = nn.ModuleList(self._block(config) for _ in range(config.layers))
        self.tokens, self.lif, self.steps = TokenMeanOfStep(), config.neuron(), TimeMean()
        self.head = nn.Linear(config.dim, config.num_classes)

    @staticmethod
    def _block(config: SDTConfig) -> MembraneBlock:
        core = SpikeDrivenAttention(gate=config.neuron(config.attention_v_threshold), scale=1.0)
        attention = SelfAttention(
            config.dim, 1, core=core, scale=1.0, core_lif=nn.Identity(), neuron=config.neuron
        )
        mlp = SpikingMLP(config.dim, config.dim * config.mlp_ratio, neuron=config.neuron)
        return MembraneBlock(attention, mlp)

    def mean(self, tokens: Tensor) -> Tensor:
        """The mean over tokens, spikes of it, and their mean over time."""
        return self.steps(self.lif(self.tokens(tokens)))
