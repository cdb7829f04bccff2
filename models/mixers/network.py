"""A small language model around a mixer: the frame that all of a comparison share.

    x = E[token]        x += mixer(norm x)        x += perceptron(norm x)        logits = norm(x) E^T

Norms are layer norms, E serves as input and output.  Without positions: they are the mixer's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from memsim.models.mixers.mixer import Mixer, Pointwise, Shape
from memsim.models.mixers.registry import find


@dataclass(frozen=True, kw_only=True)
class SequenceConfig:
    """What a sequence network is built from.  Raises ValueError for numbers that cannot be, by their name."""

    mixer: str  #: by name, `memsim.models.mixers.registry.names()`
    vocabulary: int  #: distinct tokens V
    width: int = 48
    heads: int = 2
    layers: int = 2
    ratio: float = 2.0  #: hidden features of a perceptron, in widths
    bias: bool = True  #: of linear layers and norms
    taps: int = 3  #: of the short convolution, where a mixer has one; 0: none
    rows: int = 64  #: lines of a persistent memory, for each head
    state: int = 16  #: of a state-space mixer
    landmark_every: int = 0  #: insert a landmark token after so many; 0: none

    def __post_init__(self) -> None:
        for field, least in {"vocabulary": 2, "layers": 1, "landmark_every": 0}.items():
            if getattr(self, field) < least:
                raise ValueError(f"{field} = {getattr(self, field)}: {least} or more is needed")
        if not self.ratio > 0:
            raise ValueError(f"ratio = {self.ratio}: a positive number is needed")
        find(self.mixer)
        _ = self.shape

    @property
    def shape(self) -> Shape:
        """What its mixers are built from."""
        return Shape(
            width=self.width, heads=self.heads, layers=self.layers, bias=self.bias, taps=self.taps,
            rows=self.rows, state=self.state,
        )  # fmt: skip


class Block(nn.Module):
    """x += mixer(norm x), x += companion(norm x)."""

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        system, shape = find(config.mixer), config.shape
        self.mixer_norm = nn.LayerNorm(config.width, bias=config.bias)
        self.mixer = system.build(shape)
        self.companion_norm = nn.LayerNorm(config.width, bias=config.bias)
        self.companion: Mixer = (
            system.companion(shape) if system.companion else Pointwise(shape, config.ratio)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mixer(self.mixer_norm(x))
        return x + self.companion(self.companion_norm(x))

    def start(self, batch: int) -> list[Any]:
        """Make the empty memories of both."""
        return [self.mixer.start(batch), self.companion.start(batch)]

    def step(self, x: Tensor, state: list[Any]) -> Tensor:
        """Take one token (B, C)."""
        x = x + self.mixer.step(self.mixer_norm(x), state[0])
        return x + self.companion.step(self.companion_norm(x), state[1])


class SequenceNet(nn.Module):
    """A sequence network: forward(tokens (B, T) int64) -> logits (B, T, V); step takes one token of each."""

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.config = config
        special = 1 if config.landmark_every else 0
        self.embedding = nn.Embedding(config.vocabulary + special, config.width)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width, bias=config.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        every, length = self.config.landmark_every, tokens.shape[1]
        x = self.embedding(with_landmarks(tokens, every, self.config.vocabulary) if every else tokens)
        for block in self.blocks:
            x = block(x)
        if every:
            x = x[:, torch.arange(length, device=x.device) * (every + 1) // every]
        return self._logits(x)

    def start(self, batch: int) -> list[Any]:
        """Make the empty memories of `batch` sequences.  Raises ValueError where landmarks are inserted."""
        if self.config.landmark_every:
            raise ValueError("landmark_every: this network inserts tokens; run it on whole sequences")
        return [block.start(batch) for block in self.blocks]  # type: ignore[operator]

    def step(self, tokens: Tensor, state: list[Any]) -> Tensor:
        """Take one token (B,) of each sequence: logits (B, V) of the next."""
        x = self.embedding(tokens)
        for block, memory in zip(self.blocks, state, strict=True):
            x = block.step(x, memory)  # type: ignore[operator]
        return self._logits(x)

    def _logits(self, x: Tensor) -> Tensor:
        return self.norm(x) @ self.embedding.weight[: self.config.vocabulary].mT


def with_landmarks(tokens: Tensor, every: int, landmark: int) -> Tensor:
    """Insert the token `landmark` after each `every` tokens: (B, T) -> (B, T + T // every)."""
    whole = tokens.shape[1] // every * every
    blocks = tokens[:, :whole].unflatten(1, (-1, every))
    marks = torch.full_like(blocks[..., :1], landmark)
    return torch.cat([torch.cat([blocks, marks], -1).flatten(1), tokens[:, whole:]], 1)
