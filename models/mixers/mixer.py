"""The interface of sequence mixers: causal layers that run on whole sequences or token by token."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes from which mixers are built, the same for all mixers of a comparison.

    Raises ValueError for sizes below 1 (taps: below 0) and for a width that is not a multiple of heads.
    """

    width: int  #: number of features C of a token
    heads: int = 1  #: number of heads H; each has D = C / H features
    layers: int = 1  #: number of layers of the network, for the scale of initial weights
    bias: bool = True  #: whether linear layers have biases
    taps: int = 3  #: taps of the short convolution of queries, keys and values; 0: no convolution
    rows: int = 64  #: number of lines M of a persistent memory, for each head
    state: int = 16  #: state size N of a state-space mixer

    def __post_init__(self) -> None:
        for field, least in {"width": 1, "heads": 1, "layers": 1, "taps": 0, "rows": 1, "state": 1}.items():
            if getattr(self, field) < least:
                raise ValueError(f"{field} = {getattr(self, field)}: {least} or more is needed")
        if self.width % self.heads:
            raise ValueError(f"width = {self.width} is not a multiple of heads = {self.heads}")

    @property
    def head_width(self) -> int:
        """Number of features D of a head."""
        return self.width // self.heads


class Mixer(nn.Module, ABC):
    """Causal layer on sequences, in two forms with equal results.

    forward(x) maps (B, T, C) to (B, T, C) for all tokens at once.  start(batch) returns an empty memory, and
    step(x, state) maps one token (B, C) to (B, C) and updates the memory in place.
    """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Process all tokens at once, (B, T, C) -> (B, T, C)."""

    @abstractmethod
    def start(self, batch: int) -> Any:
        """Return an empty memory for `batch` sequences."""

    @abstractmethod
    def step(self, x: Tensor, state: Any) -> Tensor:
        """Process one token, (B, C) -> (B, C), and store it in `state`."""


def step_by_step(mixer: Mixer, x: Tensor) -> Tensor:
    """Run a mixer token by token over x (B, T, C) and return its outputs (B, T, C)."""
    state = mixer.start(len(x))
    return torch.stack([mixer.step(token, state) for token in x.unbind(1)], 1)


def by_head(x: Tensor, heads: int) -> Tensor:
    """Split features into heads: (B, T, H D) -> (B, H, T, D), or (B, H D) -> (B, H, D)."""
    parts = x.unflatten(-1, (heads, -1))
    return parts.transpose(1, 2) if parts.dim() == 4 else parts


def merged(x: Tensor) -> Tensor:
    """Join the features of heads: (B, H, T, D) -> (B, T, H D), or (B, H, D) -> (B, H D)."""
    return (x.transpose(1, 2) if x.dim() == 4 else x).flatten(-2)


class Pointwise(Mixer):
    """Mixer without memory: y = W_2 gelu(W_1 x) on each token, with `ratio` C hidden features."""

    def __init__(self, shape: Shape, ratio: float = 4.0) -> None:
        super().__init__()
        hidden = round(ratio * shape.width)
        self.up = nn.Linear(shape.width, hidden, bias=shape.bias)
        self.down = nn.Linear(hidden, shape.width, bias=shape.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(nn.functional.gelu(self.up(x)))

    def start(self, batch: int) -> None:
        return None

    def step(self, x: Tensor, state: None) -> Tensor:
        return self(x)
