"""Residual networks in the layout of ResNet-18 (He et al., arXiv:1512.03385, 2015), small enough for small
images: four stages of two blocks, the width doubled and the picture halved from stage to stage.
"""

import re
from collections.abc import Mapping
from typing import Any, final

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from memsim.energy.census import Census
from memsim.models.networks.architecture import architecture
from memsim.models.networks.network import Network, NetworkConfig, check_image

EXAMPLE = "resnet18-8"  #: 8, 16, 32 and 64 channels


class ResNetConfig(NetworkConfig):
    """The shape of a residual network, beside in_shape and num_classes."""

    width: int = Field(
        default=64, ge=1, description="channels of the first stage; later ones have twice more"
    )
    blocks: tuple[PositiveInt, ...] = Field(
        default=(2, 2, 2, 2), min_length=1, description="blocks of each stage"
    )


SHAPES = {"resnet18-8-fashion": ResNetConfig(in_shape=(1, 28, 28), width=8)}


def parse(name: str, overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of "resnet18-WIDTH", None for another name."""
    match = re.fullmatch(r"resnet18-(\d+)", name)
    return {"width": int(match[1])} if match else None


@final
class ResidualBlock(nn.Module):
    """relu(x + BN(W2 relu(BN(W1 x)))), convolutions of side 3; where the shape changes x passes a convolution
    of side 1 and a batch norm.
    """

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.conv2, self.norm2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        inside = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))
        return (self.shortcut(x) + inside).relu()


@final
@architecture("resnet", ResNetConfig, shapes=SHAPES, parse=parse, example=EXAMPLE)
class ResNet(Network):
    """The network: images (B, C, H, W), pixels in [0, 1], -> logits (B, classes).

    Its first convolution has side 3, as pictures are small; a max-pool of side 2 follows.  ValueError on a
    wrong image shape, on NaN, and on pixels outside [0, 1].
    """

    config: ResNetConfig

    def __init__(self, config: ResNetConfig):
        super().__init__(config)
        widths = [config.width * 2**stage for stage in range(len(config.blocks))]
        self.stem = nn.Sequential(
            nn.Conv2d(config.in_shape[0], widths[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
        )
        blocks: list[nn.Module] = []
        before = widths[0]
        for stage, (width, count) in enumerate(zip(widths, config.blocks, strict=True)):
            for number in range(count):
                blocks.append(ResidualBlock(before, width, 2 if stage and not number else 1))
                before = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(before, config.num_classes)

    def forward(self, image: Tensor) -> Tensor:
        with Census.paused():  # a check, no work of the network
            check_image(image, self.config.in_shape)
        return self.head(self.blocks(self.stem(image)).mean((2, 3)))
