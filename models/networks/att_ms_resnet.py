"""Att-Res-SNN (Yao et al., arXiv:2209.13929, 2022): MS-ResNet with gates of channels and places."""

from collections.abc import Mapping
from typing import Any, final

from pydantic import Field, model_validator
from torch import Tensor, nn

from memsim.energy.census import Census
from memsim.models.networks.architecture import architecture
from memsim.models.networks.ms_resnet import DEPTHS, MembraneResNetConfig
from memsim.models.networks.network import Network, check_input
from memsim.models.networks.residual_names import depth_and_width, stem_for
from memsim.models.parts.gates import AxisGate, Gates, SpatialGate
from memsim.models.parts.means import MapMean
from memsim.models.parts.membrane_resnet import MembraneResNet

EXAMPLE = "att-ms-resnet18"


@final
class AttMSResNetConfig(MembraneResNetConfig):
    """Everything that fixes an Att-Res-SNN but its weights."""

    steps: int = Field(
        default=1, ge=1, description="T, time steps an image is held for; event frames bring their own"
    )
    average: bool = Field(default=True, description="do shortcuts halve by a mean of 2 x 2?")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of the head's inputs left out")
    reduction: int = Field(default=8, ge=1, description="channels over the hidden width of their gate")

    @model_validator(mode="after")
    def _gates_fit(self) -> "AttMSResNetConfig":
        if self.reduction > self.width:
            raise ValueError(f"reduction={self.reduction} must be at most width={self.width}")
        return self


def parse(name: str, overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of "att-ms-resnet18", 34 or 104, each also with "-WIDTH"; None for another name."""
    found = depth_and_width("att-ms-resnet", name, DEPTHS)
    if found is None:
        return None
    depth, width = found
    return {"blocks": DEPTHS[depth], "stem": stem_for(overrides), **width}


@final
@architecture("att-ms-resnet", AttMSResNetConfig, parse=parse, example=EXAMPLE)
class AttMSResNet(Network):
    """The network: images (B, C, H, W), pixels in [0, 1], or event frames (T, B, C, H, W) -> logits (B,
    classes).

    ValueError on a wrong shape, on NaN, and on pixels outside [0, 1].
    """

    config: AttMSResNetConfig

    def __init__(self, config: AttMSResNetConfig):
        super().__init__(config)
        self.trunk = MembraneResNet(
            config.in_shape[0],
            config.width,
            config.blocks,
            kind=config.stem,
            average=config.average,
            last=0.1,
            gates=self._gates,
            steps=config.steps,
            neuron=config.neuron,
        )
        self.mean, self.dropout = MapMean(), nn.Dropout(config.dropout)
        self.head = nn.Linear(self.trunk.channels, config.num_classes)

    def _gates(self, channels: int) -> Gates:
        gate = AxisGate(channels, self.config.reduction, axis=2)
        return Gates(time=None, channels=gate, places=SpatialGate())

    def forward(self, image: Tensor) -> Tensor:
        with Census.paused():  # a check, no work of the network
            check_input(image, self.config.in_shape)
        return self.head(self.dropout(self.mean(self.trunk(image))))
