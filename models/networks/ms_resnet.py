"""MS-ResNet (Hu et al., arXiv:2112.08954, 2021): residual networks of spikes with membrane shortcuts."""

from collections.abc import Mapping
from typing import Any, final

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from memsim.energy.census import Census
from memsim.models.networks.architecture import architecture
from memsim.models.networks.network import Network, check_input
from memsim.models.networks.residual_names import depth_and_width, stem_for
from memsim.models.networks.spiking_config import SpikingConfig
from memsim.models.parts.means import MapMean
from memsim.models.parts.membrane_resnet import MembraneResNet, Stem

EXAMPLE = "ms-resnet18"
DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 104: (3, 8, 32, 8)}
"""Blocks of each stage, by depth."""


class MembraneResNetConfig(SpikingConfig):
    """What MS-ResNet and Att-Res-SNN have in common.

    The neuron is the authors', U[t] = U[t-1] / 4 + X[t], but that it fires at its threshold, not only above
    it. Its gradient is the sigmoid's of this repository in place of the authors' rectangle.
    """

    tau: float | None = Field(
        default=4 / 3, ge=1, description="LIF time constant [steps]; None or inf: no leak"
    )
    v_threshold: float = Field(default=0.5, gt=0, description="LIF threshold")
    decay_input: bool = Field(
        default=False, description="True: the input over tau; False: the input as it is"
    )
    width: int = Field(
        default=64, ge=1, description="channels of the first stage; later ones have twice more"
    )
    blocks: tuple[PositiveInt, ...] = Field(
        default=(2, 2, 2, 2), min_length=1, description="blocks of each stage"
    )
    stem: Stem = Field(
        default="3x3", description="'7x7' and '3x3x3' halve the picture, and the first stage again"
    )
    average: bool = Field(default=False, description="do shortcuts halve by a mean of 2 x 2?")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share of the head's inputs left out")


@final
class MSResNetConfig(MembraneResNetConfig):
    """Everything that fixes an MS-ResNet but its weights."""

    steps: int = Field(
        default=6, ge=1, description="T, time steps an image is held for; event frames bring their own"
    )


def parse(name: str, overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of "ms-resnet18", 34, 104 or 110, each also with "-WIDTH"; None for another name.

    Depth 110 is the paper's for CIFAR-10: three stages of 18 blocks from 16 channels on. Stems follow the
    picture's size.
    """
    found = depth_and_width("ms-resnet", name, (*DEPTHS, 110))
    if found is None:
        return None
    depth, width = found
    if depth == 110:
        return {"blocks": (18, 18, 18), "width": 16, "stem": "3x3", **width}
    fields = {"blocks": DEPTHS[depth], "stem": stem_for(overrides), **width}
    return fields | ({"average": True, "dropout": 0.2} if depth == 104 else {})


class MembraneResNetwork(Network):
    """A trunk of blocks with membrane shortcuts, the mean over its map and time, a head.

    average: do shortcuts halve by a mean of 2 x 2?  dropout: share of the head's inputs left out; last: the
    second batch norm of a block at the start; gates: makes those of a block from its channels.
    """

    config: MembraneResNetConfig

    def __init__(
        self, config: MembraneResNetConfig, *, average: bool, dropout: float, last: float, gates: Any = None
    ):
        super().__init__(config)
        self.trunk = MembraneResNet(
            config.in_shape[0],
            config.width,
            config.blocks,
            kind=config.stem,
            average=average,
            last=last,
            gates=gates,
            steps=config.steps,
            neuron=config.neuron,
        )
        self.mean, self.dropout = MapMean(), nn.Dropout(dropout)
        self.head = nn.Linear(self.trunk.channels, config.num_classes)

    def forward(self, image: Tensor) -> Tensor:
        with Census.paused():  # a check, no work of the network
            check_input(image, self.config.in_shape)
        return self.head(self.dropout(self.mean(self.trunk(image))))


@final
@architecture("ms-resnet", MSResNetConfig, parse=parse, example=EXAMPLE)
class MSResNet(MembraneResNetwork):
    """The network: images (B, C, H, W), pixels in [0, 1], or event frames (T, B, C, H, W) -> logits (B,
    classes).

    ValueError on a wrong shape, on NaN, and on pixels outside [0, 1].
    """

    config: MSResNetConfig

    def __init__(self, config: MSResNetConfig):
        super().__init__(config, average=config.average, dropout=config.dropout, last=0.0)
