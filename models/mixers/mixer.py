"""A mixer: what each token takes from itself and the tokens before it, all at once or token by token."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What mixers are built from, the same for all of a comparison.

    Raises ValueError for a width that the heads do not divide, and for numbers below 1.
    """

    width: int  #: features C of a token
    heads: int = 1  #: H; each has D = C / H features
    layers: int = 1  #: of the network, for the size of first weights
    bias: bool = True  #: of linear layers
    taps: int = 3  #: of the short convolution of queries, keys and values; 0: none
    rows: int = 64  #: M, of a persistent memory, for each head
    state: int = 16  #: N, of a state-space mixer

    def __post_init__(self) -> None:
        for field, least in {"width": 1, "heads": 1, "layers": 1, "taps": 0, "rows": 1, "state": 1}.items():
            if getattr(self, field) < least:
                raise ValueError(f"{field} = {getattr(self, field)}: {least} or more is needed")
        if self.width % self.heads:
            raise ValueError(f"width = {self.width} features do not divide into heads = {self.heads}")

    @property
    def head_width(self) -> int:
        """Features D of a head."""
        return self.width // self.heads


class Mixer(nn.Module, ABC):
    """A causal map of sequences, with two forms that agree.

    forward(x): (B, T, C) -> (B, T, C) for all tokens; start(batch) is the empty memory, and step(x, state):
    (B, C) -> (B, C) takes one token and changes the state in place.
    """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """All tokens at once."""

    @abstractmethod
    def start(self, batch: int) -> Any:
        """Make an empty memory for `batch` sequences."""

    @abstractmethod
    def step(self, x: Tensor, state: Any) -> Tensor:
        """Take one token, and remember it in `state`."""


def step_by_step(mixer: Mixer, x: Tensor) -> Tensor:
    """Run a mixer token by token over (B, T, C)."""
    state = mixer.start(len(x))
    return torch.stack([mixer.step(token, state) for token in x.unbind(1)], 1)


def by_head(x: Tensor, heads: int) -> Tensor:
    """(B, T, H D) -> (B, H, T, D), or (B, H D) -> (B, H, D)."""
    parts = x.unflatten(-1, (heads, -1))
    return parts.transpose(1, 2) if parts.dim() == 4 else parts


def merged(x: Tensor) -> Tensor:
    """(B, H, T, D) -> (B, T, H D), or (B, H, D) -> (B, H D)."""
    return (x.transpose(1, 2) if x.dim() == 4 else x).flatten(-2)


class Pointwise(Mixer):
    """The mixer without memory: y = W_2 gelu(W_1 x) on each token, hidden features `ratio` C."""

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
