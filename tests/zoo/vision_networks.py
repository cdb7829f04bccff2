"""torchvision's networks on small pictures, with random weights."""

from __future__ import annotations

from functools import partial

import torchvision
from torch import nn

from tests.zoo.entry import Entry, Made, pictures, settled, zoo

ENTRIES, entry = zoo()


@entry()
def small_residual_network() -> Made:
    class Block(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.norm = nn.BatchNorm2d(channels)

        def forward(self, x):
            return (x + self.norm(self.conv(x))).relu()

    net = nn.Sequential(
        nn.Conv2d(3, 6, 3), Block(6), Block(6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)
    )
    draw = pictures(3, 8, 8)
    return Made(settled(net, draw(8)), draw, arrays=4)


@entry()
def small_vision_transformer() -> Made:
    net = torchvision.models.VisionTransformer(16, 8, 2, 2, 16, 32, num_classes=5)
    nn.init.normal_(net.heads.head.weight)  # torchvision starts it at zero
    return Made(net.eval(), pictures(3, 16, 16))


def _torchvision(name: str, size: int) -> Made:
    net = getattr(torchvision.models, name)(weights=None, num_classes=10)
    draw = pictures(3, size, size)
    return Made(settled(net, draw(16)), draw)


NAMES = {
    "resnet18": 32,
    "mobilenet_v2": 32,
    "densenet121": 32,
    "convnext_tiny": 32,
    "swin_t": 32,
    "shufflenet_v2_x0_5": 32,
    "efficientnet_b0": 32,
}
ENTRIES += [Entry(name, partial(_torchvision, name, size), slow=True) for name, size in NAMES.items()]


@entry(slow=True)
def vit_b_16_like() -> Made:
    net = torchvision.models.VisionTransformer(32, 16, 3, 4, 192, 384, num_classes=10)
    nn.init.normal_(net.heads.head.weight)
    return Made(net.eval(), pictures(3, 32, 32))
