"""The contract of a memory that is one fading state for each head, which arrays can hold."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from memsim.memory.leaky import Leaky


class WrittenState(nn.Module, ABC):
    """One state for each head: every token lets it fade, adds an outer product to it and reads it.

        S_t = exp(fade_t) S_{t-1} + delta_t x_t b_t^T        y_t = S_t c_t

    forward(x, b, c, delta, fade): x (B, H, T, P), b and c (B, T, N) of all heads, delta and fade (B, H, T)
    -> (B, H, T, P), for all tokens at once.  ``step`` does the same for one token on a `Leaky`.
    """

    @abstractmethod
    def forward(self, x: Tensor, b: Tensor, c: Tensor, delta: Tensor, fade: Tensor) -> Tensor:
        """All tokens at once."""

    def step(self, state: Leaky, x: Tensor, b: Tensor, c: Tensor, delta: Tensor, fade: Tensor) -> Tensor:
        """Take one token: x (B, H, P), b and c (B, N), delta and fade (B, H) -> y (B, H, P)."""
        state.decay(fade.exp())
        state.add(x, delta[..., None] * b[:, None])
        return state.read(c[:, None].expand(-1, x.shape[1], -1))
