"""Leaky: one matrix of state for each sequence and head, that fades, is added to, and is read.

    decay(f)      S <- f S
    add(x, b)     S <- S + x b^T           an outer product: all cells at once
    read(c)       y  = S c

Shapes: S (rows, H, P, N), x and y (rows, H, P), b and c (rows, H, N), f (rows, H) in 0 .. 1.  A state-space
model (Mamba-2) is these three with f = exp(A Delta), b = Delta B, c = C.  A list of lines grows with the
sequence and is written once; a state stays small and is written whole at every token.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


class Leaky(ABC):
    """A state that fades."""

    @abstractmethod
    def decay(self, factor: Tensor) -> None:
        """Fade by a factor (rows, H) for each sequence and head."""

    @abstractmethod
    def add(self, x: Tensor, b: Tensor) -> None:
        """Add the outer product of x and b."""

    @abstractmethod
    def read(self, c: Tensor) -> Tensor:
        """Multiply the state by c."""

    @abstractmethod
    def clear(self) -> None:
        """Set the state to 0."""


class IdealLeaky(Leaky):
    """The digital twin: exact, with gradients."""

    def __init__(self) -> None:
        self.state: Tensor | None = None

    def clear(self) -> None:
        self.state = None

    def decay(self, factor: Tensor) -> None:
        if self.state is not None:
            self.state = factor[..., None, None] * self.state

    def add(self, x: Tensor, b: Tensor) -> None:
        product = x[..., :, None] * b[..., None, :]
        self.state = product if self.state is None else self.state + product

    def read(self, c: Tensor) -> Tensor:
        if self.state is None:
            raise RuntimeError("nothing was added to this state yet")
        return (self.state @ c[..., None])[..., 0]


def windowed(now: Tensor, before: Tensor, factor: Tensor) -> Tensor:
    """The state without what was added before a window: S_t - (prod of factors in the window) S_{t-r}.

    now, before (rows, H, P, N), factor (rows, H): product of the decays since `before` (Stuffed Mamba, arXiv
    2410.07145v1).  Exact; in floating point the error is that of the larger state.  Digital only: on devices
    the noise of two reads would stay, and the signal is their small difference.
    """
    return now - factor[..., None, None] * before
