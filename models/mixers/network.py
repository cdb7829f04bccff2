"""A small language model around a mixer, the same for all mixers of a comparison.

    x = E[token]        x += mixer(norm x)        x += perceptron(norm x)        logits = norm(x) E^T

Norms are layer norms, and input and output share the embedding E.  There is no position encoding outside the
mixer.
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
    """Settings of a sequence network.

    Raises ValueError for an unknown mixer and for numbers out of range: vocabulary 2 or more, sizes as in
    `Shape`.
    """

    mixer: str  #: name of the mixer, see `memsim.models.mixers.registry.names()`
    vocabulary: int  #: number of distinct tokens V
    width: int = 48
    heads: int = 2
    layers: int = 2
    ratio: float = 2.0  #: hidden features of the perceptron divided by the width
    bias: bool = True  #: whether linear layers and norms have biases
    taps: int = 3  #: taps of the short convolution, for mixers that have one; 0: no convolution
    rows: int = 64  #: number of lines of a persistent memory, for each head
    state: int = 16  #: state size of a state-space mixer
    landmark_every: int = 0  #: insert a landmark token after this number of tokens; 0: none

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
        """Sizes from which the mixers are built."""
        return Shape(
            width=self.width, heads=self.heads, layers=self.layers, bias=self.bias, taps=self.taps,
            rows=self.rows, state=self.state,
        )  # fmt: skip


class Block(nn.Module):
    """Layer of the network: x += mixer(norm x), then x += companion(norm x), mostly a perceptron."""

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
        """Return empty memories of mixer and companion."""
        return [self.mixer.start(batch), self.companion.start(batch)]

    def step(self, x: Tensor, state: list[Any]) -> Tensor:
        """Process one token, (B, C) -> (B, C)."""
        x = x + self.mixer.step(self.mixer_norm(x), state[0])
        return x + self.companion.step(self.companion_norm(x), state[1])


class SequenceNet(nn.Module):
    """Sequence network: forward maps tokens (B, T) int64 to logits (B, T, V); step processes one token.

    Both raise ValueError for tokens of another shape or type, or outside the vocabulary.
    """

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.config = config
        special = 1 if config.landmark_every else 0
        self.embedding = nn.Embedding(config.vocabulary + special, config.width)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width, bias=config.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        self._check(tokens, 2)
        every, length = self.config.landmark_every, tokens.shape[1]
        x = self.embedding(with_landmarks(tokens, every, self.config.vocabulary) if every else tokens)
        for block in self.blocks:
            x = block(x)
        if every:
            x = x[:, torch.arange(length, device=x.device) * (every + 1) // every]
        return self._logits(x)

    def start(self, batch: int) -> list[Any]:
        """Return empty memories for `batch` sequences.

        Raises ValueError for a network that inserts landmark tokens.
        """
        if self.config.landmark_every:
            raise ValueError(
                f"landmark_every = {self.config.landmark_every}: a network that inserts tokens does not run"
                " token by token; call it on whole sequences"
            )
        return [block.start(batch) for block in self.blocks]  # type: ignore[operator]

    def step(self, tokens: Tensor, state: list[Any]) -> Tensor:
        """Process one token of each sequence (B,) and return the logits (B, V) of the next."""
        self._check(tokens, 1)
        x = self.embedding(tokens)
        for block, memory in zip(self.blocks, state, strict=True):
            x = block.step(x, memory)  # type: ignore[operator]
        return self._logits(x)

    def _check(self, tokens: Tensor, axes: int) -> None:
        """Raise ValueError unless tokens are whole numbers below the vocabulary, with this number of axes."""
        shape = "(sequences, 1 or more tokens)" if axes == 2 else "(sequences,)"
        whole = tokens.dtype in (torch.int64, torch.int32)
        if tokens.dim() != axes or not whole or (axes == 2 and not tokens.shape[1]):
            raise ValueError(
                f"tokens of shape {tuple(tokens.shape)} and type {tokens.dtype}: {shape}, int64 is needed"
            )
        if tokens.numel():
            low, high = (int(x) for x in tokens.aminmax())
            if low < 0 or high >= self.config.vocabulary:
                raise ValueError(
                    f"tokens from {low} to {high}: 0 to {self.config.vocabulary - 1} is allowed, by"
                    f" vocabulary = {self.config.vocabulary}"
                )

    def _logits(self, x: Tensor) -> Tensor:
        return self.norm(x) @ self.embedding.weight[: self.config.vocabulary].mT


def with_landmarks(tokens: Tensor, every: int, landmark: int) -> Tensor:
    """Insert the token `landmark` after every `every` tokens: (B, T) -> (B, T + T // every)."""
    whole = tokens.shape[1] // every * every
    blocks = tokens[:, :whole].unflatten(1, (-1, every))
    marks = torch.full_like(blocks[..., :1], landmark)
    return torch.cat([torch.cat([blocks, marks], -1).flatten(1), tokens[:, whole:]], 1)
