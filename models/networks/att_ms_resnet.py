"""Att-Res-SNN (Yao et al., arXiv:2209.13929, 2022): MS-ResNet with gates of channels and places."""

from collections.abc import Mapping
from functools import partial
from typing import Any, final

from pydantic import Field, model_validator

from memsim.models.networks.architecture import architecture
from memsim.models.networks.ms_resnet import DEPTHS, MembraneResNetConfig, MembraneResNetwork
from memsim.models.networks.residual_names import depth_and_width, stem_for
from memsim.models.parts.gates import AxisGate, Gates, SpatialGate

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
class AttMSResNet(MembraneResNetwork):
    """The network: images (B, C, H, W), pixels in [0, 1], or event frames (T, B, C, H, W) -> logits (B,
    classes).

    ValueError on a wrong shape, on NaN, and on pixels outside [0, 1].
    """

    config: AttMSResNetConfig

    def __init__(self, config: AttMSResNetConfig):
        gates = partial(_gates, config.reduction)
        super().__init__(config, average=config.average, dropout=config.dropout, last=0.1, gates=gates)


def _gates(reduction: int, channels: int) -> Gates:
    """Gates of channels and places of a block."""
    return Gates(time=None, channels=AxisGate(channels, reduction, axis=2), places=SpatialGate())
