"""The contracts of attention cores that arrays can hold: weights by spike counts, or products of spikes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from torch import Tensor, nn

from memsim.digital_only import DigitalOnly


class AttentionWindow(Protocol):
    """Weights by two spike counts, an offset plus changes of at most A."""

    @property
    def A(self) -> float:
        """Largest change of a weight [1]; positive."""
        ...

    @property
    def offset(self) -> float:
        """What is added to every change [1]."""
        ...

    def matrix(self, head_dim: int, silent: Any) -> Tensor:
        """Return weights A_ij by the counts of query (rows) and key (columns), (head_dim + 1, head_dim +
        1).
        """
        ...


class WrittenAttention(nn.Module, ABC):
    """An attention core whose N x N weights an array can be written with.

    forward(q, k, v): spikes (T, B, H, N, D) of steps, images, heads, tokens and features -> sum_j A_ij V_jd
    in the same shape.  A_ij is the window's matrix at the spike counts of query i and key j, for each image,
    head and step alone.  ``to_crossbar`` exchanges every module of a class that derives from this one.
    """

    window: AttentionWindow
    head_dim: int
    """Features D of a head: the largest spike count."""
    silent: str
    """Policy for tokens that send no spike: "pulse", or "no-pulse" where no cell of theirs is pulsed."""

    @abstractmethod
    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the weights A_ij (T, B, H, N, N) of query and key spikes (T, B, H, N, D), with their
        gradient.
        """


class ProductAttention(DigitalOnly, ABC):
    """An attention core whose weights are products of spikes, A_ij = gain q_i . k_j, with no window.

    forward(q, k, v): spikes (T, B, H, N, D) -> sum_j A_ij V_jd in the same shape.  It stays digital unless
    the card's ``attention.order`` says how arrays hold it.
    """

    digital_because = 'a product of two signals; attention.order = "hebbian" or "score" puts it on arrays'

    gain: Tensor
    """Factor of each head (H)."""

    @abstractmethod
    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the weights A_ij (T, B, H, N, N) of query and key spikes (T, B, H, N, D), with their
        gradient.
        """


def product_layers(net: nn.Module) -> list[tuple[str, ProductAttention]]:
    """List a network's modules of product attention with their names."""
    return [(name, m) for name, m in net.named_modules() if isinstance(m, ProductAttention)]


def attention_layers(net: nn.Module) -> list[tuple[str, WrittenAttention]]:
    """List a network's modules of written attention with their names: what pulses can write."""
    return [(name, m) for name, m in net.named_modules() if isinstance(m, WrittenAttention)]
