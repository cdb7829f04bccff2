"""The leaky state: one matrix per sequence and head that decays, accumulates outer products, and is read.

    decay(f)      S <- f S
    add(x, b)     S <- S + x b^T           an outer product, which changes all cells
    read(c)       y  = S c

Shapes: S (rows, H, P, N), x and y (rows, H, P), b and c (rows, H, N), f (rows, H) from 0 to 1, where rows are
sequences.  A state-space model (Mamba-2) uses these operations with f = exp(A Delta), b = Delta B and c = C.
`memsim.memory.lines` grows with the sequence and writes each line once; a state has a fixed size and is
written as a whole at every token.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


class Leaky(ABC):
    """Interface of a leaky state."""

    @abstractmethod
    def decay(self, factor: Tensor) -> None:
        """Multiply the state by a factor (rows, H) from 0 to 1."""

    @abstractmethod
    def add(self, x: Tensor, b: Tensor) -> None:
        """Add the outer product of x (rows, H, P) and b (rows, H, N)."""

    @abstractmethod
    def read(self, c: Tensor) -> Tensor:
        """Return S c (rows, H, P) for c (rows, H, N)."""

    @abstractmethod
    def clear(self) -> None:
        """Set the state to 0."""


class IdealLeaky(Leaky):
    """Exact digital state with gradients.  `read` raises RuntimeError before the first `add`."""

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
            raise RuntimeError("this state is empty: call add() before read()")
        return (self.state @ c[..., None])[..., 0]


def windowed(now: Tensor, before: Tensor, factor: Tensor) -> Tensor:
    """Return the state restricted to a window of r tokens: S_t - (product of the r decay factors) S_{t-r}.

    now: S_t, before: S_{t-r}, both (rows, H, P, N); factor (rows, H): product of the decays since `before`.
    Source: Stuffed Mamba, arXiv 2410.07145v1.  The identity is exact; in floating point the error is that of
    the larger state.  For digital states only: on devices the small difference would carry the noise of two
    reads.
    """
    return now - factor[..., None, None] * before
