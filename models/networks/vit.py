"""The twin without spikes: S2TDPT's layout with ReLU (or GELU) for every neuron and softmax attention, one
step; what spikes cost is measured against it.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, final

import torch
from pydantic import Field
from torch import Tensor, nn

from memsim.energy.census import Census
from memsim.models.networks.architecture import architecture
from memsim.models.networks.network import Network, check_image
from memsim.models.networks.s2tdpt_shapes import parse as parse_spiking
from memsim.models.networks.token_config import TokenConfig
from memsim.models.parts.membrane_transformer import Dense

EXAMPLE = "vit-4-384"  #: the twin of the paper's network


@final
class ViTConfig(TokenConfig):
    """Everything that fixes the twin but its weights; fields as in `S2TDPTConfig`.

    ValueError on unknown fields, and on shapes that do not fit together.
    """

    activation: Literal["relu", "gelu"] = Field(default="relu", description="in place of the neurons")


def activation(config: ViTConfig) -> nn.Module:
    """What stands in a neuron's place."""
    return nn.ReLU() if config.activation == "relu" else nn.GELU()


@final
class Stage(nn.Module):
    """Activation, max-pool if asked, convolution, batch norm, on (B, C, h, w)."""

    def __init__(self, config: ViTConfig, index: int):
        super().__init__()
        side = config.pool_kernel
        self.activation = activation(config)
        self.pool = nn.MaxPool2d(side, 2, (side - 1) // 2) if config.pools[index] else nn.Identity()
        self.conv = nn.Conv2d(config.widths[index - 1], config.widths[index], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(config.widths[index])

    def forward(self, maps: Tensor) -> Tensor:
        return self.norm(self.conv(self.pool(self.activation(maps))))


@final
class PatchSplitting(nn.Module):
    """Image (B, C, H, W) -> tokens (B, N, D)."""

    def __init__(self, config: ViTConfig):
        super().__init__()
        self.encoder = nn.Conv2d(config.in_shape[0], config.widths[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(config.widths[0])
        self.stages = nn.Sequential(*(Stage(config, index) for index in range(1, len(config.widths))))

    def forward(self, image: Tensor) -> Tensor:
        return self.stages(self.norm(self.encoder(image))).flatten(2).transpose(1, 2)


@final
class SelfAttention(nn.Module):
    """softmax(Q K^T / sqrt(D_H)) V of activated queries, keys and values, and the projection: (B, N, D)."""

    def __init__(self, config: ViTConfig):
        super().__init__()
        self.heads, self.activation = config.heads, activation(config)
        self.q, self.k, self.v = (Dense(config.dim, config.dim, bias=False) for _ in "qkv")
        self.proj = Dense(config.dim, config.dim, bias=True)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.activation(tokens)
        q, k, v = (
            self.activation(layer(x)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.q, self.k, self.v)
        )
        weights = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1)
        return self.proj((weights @ v).transpose(1, 2).flatten(2))


@final
class MLP(nn.Module):
    """Two times activation, linear layer, batch norm, on (B, N, D)."""

    def __init__(self, config: ViTConfig):
        super().__init__()
        hidden = config.dim * config.mlp_ratio
        self.activation = activation(config)
        self.fc1, self.fc2 = Dense(config.dim, hidden, bias=True), Dense(hidden, config.dim, bias=True)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(self.activation(self.fc1(self.activation(tokens))))


@final
class Block(nn.Module):
    """A transformer block: U' = U + attention(U), X = U' + mlp(U')."""

    def __init__(self, config: ViTConfig):
        super().__init__()
        self.attention, self.mlp = SelfAttention(config), MLP(config)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(tokens)
        return tokens + self.mlp(tokens)


def parse(name: str, overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of "vit-L-D", those of "s2tdpt-L-D"; None for another name."""
    match = re.fullmatch(r"vit(-\d+-\d+)", name)
    return parse_spiking(f"s2tdpt{match[1]}", overrides) if match else None


@final
@architecture("vit", ViTConfig, parse=parse, example=EXAMPLE)
class ViT(Network):
    """The network: images (B, C, H, W), pixels in [0, 1], -> logits (B, classes).

    Parameters have the names of S2TDPT's, so that either can begin with the other's weights. ValueError on a
    wrong image shape, on NaN, and on pixels outside [0, 1].
    """

    config: ViTConfig

    def __init__(self, config: ViTConfig):
        super().__init__(config)
        self.patches = PatchSplitting(config)
        self.blocks = nn.Sequential(*(Block(config) for _ in range(config.layers)))
        self.head = nn.Linear(config.dim, config.num_classes)

    def forward(self, image: Tensor) -> Tensor:
        with Census.paused():  # a check, no work of the network
            check_image(image, self.config.in_shape)
        return self.head(self.blocks(self.patches(image)).mean(1))
