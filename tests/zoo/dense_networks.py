"""Linear layers and convolutions of every kind."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from tests.zoo.entry import Entry, Made, normals, pictures, zoo

ENTRIES, entry = zoo()


@entry()
def mlp_with_flatten() -> Made:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
    return Made(net, pictures(1, 8, 8), arrays=2)


@entry()
def mlp_on_a_table() -> Made:
    net = nn.Sequential(nn.Linear(13, 20), nn.Tanh(), nn.LayerNorm(20), nn.Linear(20, 3))
    return Made(net, normals(13), arrays=2)


@entry()
def root_linear() -> Made:
    return Made(nn.Linear(12, 5), normals(12), arrays=1)


@entry()
def root_conv2d() -> Made:
    return Made(nn.Conv2d(3, 4, 3, padding=1), pictures(3, 6, 6), arrays=1)


@entry()
def cnn() -> Made:
    net = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )
    return Made(net, pictures(1, 8, 8), arrays=3)


@entry()
def bilinear() -> Made:
    class Pairs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right, self.both = nn.Linear(6, 5), nn.Linear(6, 4), nn.Bilinear(5, 4, 3)

        def forward(self, x):
            return self.both(self.left(x), self.right(x).tanh())

    return Made(Pairs(), normals(6))


@entry()
def u_net() -> Made:
    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down, self.deep = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, stride=2, padding=1)
            self.up, self.head = nn.ConvTranspose2d(8, 4, 2, stride=2), nn.Conv2d(8, 2, 1)

        def forward(self, x):
            shallow = self.down(x).relu()
            return self.head(torch.cat([shallow, self.up(self.deep(shallow).relu())], 1))

    return Made(UNet(), pictures(1, 8, 8), arrays=4)


def _one_convolution(layer: type[nn.Module], size: tuple[int, ...], **settings) -> Made:
    """A convolution of 4 to 6 channels between two activations, and a head on its means."""
    pool = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)[len(size) - 1]
    stem = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[len(size) - 1]
    settings = {"kernel_size": 3, **settings}
    inner = settings.pop("channels", (4, 6))
    net = nn.Sequential(
        stem(2, inner[0], 1), nn.ReLU(), layer(*inner, **settings), nn.ReLU(), pool(2), nn.Flatten()
    )
    net.append(nn.Linear(inner[1] * 2 ** len(size), 5))
    return Made(net, pictures(2, *size))


CONVOLUTIONS = {
    "conv2d_groups": (nn.Conv2d, (7, 7), {"groups": 2}),
    "conv2d_depthwise": (nn.Conv2d, (7, 7), {"groups": 4, "channels": (4, 8)}),
    "conv2d_dilation": (nn.Conv2d, (7, 7), {"dilation": 2, "padding": 1}),
    "conv2d_stride": (nn.Conv2d, (7, 7), {"stride": (2, 3), "padding": (1, 0)}),
    "conv2d_1_by_3": (nn.Conv2d, (7, 7), {"kernel_size": (1, 3)}),
    "conv2d_even_kernel_same": (nn.Conv2d, (7, 7), {"kernel_size": (2, 4), "padding": "same"}),
    "conv2d_same": (nn.Conv2d, (7, 7), {"padding": "same", "dilation": 2}),
    "conv2d_valid": (nn.Conv2d, (7, 7), {"padding": "valid"}),
    "conv2d_reflect": (nn.Conv2d, (7, 7), {"padding": 2, "padding_mode": "reflect"}),
    "conv2d_replicate": (nn.Conv2d, (7, 7), {"padding": (1, 2), "padding_mode": "replicate"}),
    "conv2d_circular": (nn.Conv2d, (7, 7), {"padding": 1, "padding_mode": "circular", "groups": 2}),
    "conv1d": (nn.Conv1d, (9,), {"stride": 2, "padding": 1}),
    "conv1d_circular_groups": (nn.Conv1d, (9,), {"groups": 2, "padding": 1, "padding_mode": "circular"}),
    "conv3d": (nn.Conv3d, (4, 5, 5), {"padding": 1}),
    "conv3d_groups": (nn.Conv3d, (4, 5, 5), {"groups": 2, "stride": (1, 2, 2)}),
    "conv_transpose1d": (nn.ConvTranspose1d, (6,), {"stride": 2, "padding": 1, "output_padding": 1}),
    "conv_transpose2d": (nn.ConvTranspose2d, (5, 5), {"stride": 2, "padding": 1, "output_padding": 1}),
    "conv_transpose2d_groups": (nn.ConvTranspose2d, (5, 5), {"stride": 2, "groups": 2, "dilation": 2}),
    "conv_transpose3d": (nn.ConvTranspose3d, (3, 4, 4), {"stride": 2}),
}

ENTRIES += [
    Entry(name, partial(_one_convolution, layer, size, **settings))
    for name, (layer, size, settings) in CONVOLUTIONS.items()
]
