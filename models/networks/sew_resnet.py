"""SEW-ResNet (Fang et al., NeurIPS 2021, arXiv:2102.04159): residual networks of spikes whose shortcuts join
spikes element by element.
"""

from collections.abc import Mapping
from typing import Any, Literal, final

from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from memsim.energy.census import Census
from memsim.models.networks.architecture import architecture
from memsim.models.networks.network import Network, check_input
from memsim.models.networks.residual_names import depth_and_width, stem_for
from memsim.models.networks.spiking_config import SpikingConfig
from memsim.models.parts.logic import And
from memsim.models.parts.means import MapMean
from memsim.models.parts.membrane_transformer import Neuron
from memsim.models.parts.neurons import Add, SpikePool
from memsim.models.parts.time_axis import each, encoded

EXAMPLE = "sew-resnet18"
DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks of each stage, by depth."""
BOTTLENECK = 50  #: from this depth on blocks have three convolutions


@final
class SEWConfig(SpikingConfig):
    """Everything that fixes a SEW-ResNet but its weights; its neurons have no leak."""

    tau: float | None = Field(
        default=None, ge=1, description="LIF time constant [steps]; None or inf: no leak"
    )
    decay_input: bool = Field(
        default=False, description="True: the input over tau; False: the input as it is"
    )
    connect: Literal["ADD", "AND", "IAND"] = Field(
        default="ADD", description="spikes s of a block and x before it: s + x, s x, or x (1 - s)"
    )
    width: int = Field(
        default=64, ge=1, description="channels of the first stage; later ones have twice more"
    )
    blocks: tuple[PositiveInt, ...] = Field(
        default=(2, 2, 2, 2), min_length=1, description="blocks of each stage"
    )
    bottleneck: bool = Field(
        default=False, description="three convolutions a block, of side 1, 3, 1, and four times the width"
    )
    stem: Literal["7x7", "3x3"] = Field(
        default="3x3", description="'7x7' has stride 2 and a max-pool of stride 2 behind its neurons"
    )

    @model_validator(mode="after")
    def _fits(self) -> "SEWConfig":
        if min(self.in_shape) < 1 or min(self.blocks) < 1:
            raise ValueError(f"in_shape={self.in_shape} and blocks={self.blocks} must be 1 or more each")
        return self


@final
class SpikingConv(nn.Module):
    """Convolution without bias, batch norm, neurons: (T, B, C, h, w) -> spikes."""

    def __init__(self, before: int, after: int, side: int, stride: int, neuron: Neuron):
        super().__init__()
        self.conv = nn.Conv2d(before, after, side, stride, side // 2, bias=False)
        self.norm, self.lif = nn.BatchNorm2d(after), neuron()

    def current(self, maps: Tensor) -> Tensor:
        """Currents (B, C, h, w) of one time step."""
        return self.norm(self.conv(maps))

    def forward(self, x: Tensor) -> Tensor:
        return self.lif(each(self.current, x))


@final
class SEWBlock(nn.Module):
    """connect(spikes of two or three convolutions of x, x), on spikes or, behind ADD, integers; where
    the shape changes, spikes of a convolution of side 1 stand in the place of x."""

    def __init__(self, before: int, after: int, stride: int, config: SEWConfig):
        super().__init__()
        neuron = config.neuron
        if config.bottleneck:
            inner = after // 4
            sizes = ((before, inner, 1, 1), (inner, inner, 3, stride), (inner, after, 1, 1))
        else:
            sizes = ((before, after, 3, stride), (after, after, 3, 1))
        self.inside = nn.Sequential(*(SpikingConv(*size, neuron) for size in sizes))
        changes = stride != 1 or before != after
        self.shortcut = SpikingConv(before, after, 1, stride, neuron) if changes else nn.Identity()
        self.connect = Add() if config.connect == "ADD" else And(negated=config.connect == "IAND")

    def forward(self, x: Tensor) -> Tensor:
        return self.connect(self.inside(x), self.shortcut(x))


def parse(name: str, overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return fields of "sew-resnet18", 34, 50, 101 or 152, each also with "-WIDTH", None for another name.

    The stem follows the picture's size.
    """
    found = depth_and_width("sew-resnet", name, DEPTHS)
    if found is None:
        return None
    depth, width = found
    kind = {"blocks": DEPTHS[depth], "bottleneck": depth >= BOTTLENECK}
    return {**kind, "stem": stem_for(overrides), **width}


@final
@architecture("sew-resnet", SEWConfig, parse=parse, example=EXAMPLE)
class SEWResNet(Network):
    """The network: images (B, C, H, W), pixels in [0, 1], or event frames (T, B, C, H, W) -> logits (B,
    classes).

    With ADD a block adds up to 1 to what it sees, and a change of shape brings it back to 0 or 1. ValueError
    on a wrong shape, on NaN, and on pixels outside [0, 1].
    """

    config: SEWConfig

    def __init__(self, config: SEWConfig):
        super().__init__(config)
        large, width = config.stem == "7x7", config.width
        side, stride = (7, 2) if large else (3, 1)
        self.stem = SpikingConv(config.in_shape[0], width, side, stride, config.neuron)
        self.pool = SpikePool(3, 2, 1) if large else nn.Identity()
        made: list[nn.Module] = []
        before = width
        for stage, count in enumerate(config.blocks):
            after = width * 2**stage * (4 if config.bottleneck else 1)
            for number in range(count):
                made.append(SEWBlock(before, after, 2 if stage and not number else 1, config))
                before = after
        self.blocks = nn.ModuleList(made)
        self.mean, self.head = MapMean(), nn.Linear(before, config.num_classes)

    def forward(self, image: Tensor) -> Tensor:
        with Census.paused():  # a check, no work of the network
            check_input(image, self.config.in_shape)
        x = self.stem.lif(encoded(self.stem.current, image, self.config.steps))
        x = each(self.pool, x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.mean(x))
