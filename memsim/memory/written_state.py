"""The interface of a memory with one decaying state for each head, which arrays can hold."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from memsim.memory.leaky import Leaky


class WrittenState(nn.Module, ABC):
    """State for each head that decays, is increased by an outer product, and is read at every token.

        S_t = exp(fade_t) S_{t-1} + delta_t x_t b_t^T        y_t = S_t c_t

    forward(x, b, c, delta, fade) processes all tokens at once: x (B, H, T, P), b and c (B, T, N) shared by
    all heads, delta and fade (B, H, T); it returns (B, H, T, P).  fade is the logarithm of the decay factor.
    ``step`` does the same for one token on a `Leaky`, which may be an array.
    """

    @abstractmethod
    def forward(self, x: Tensor, b: Tensor, c: Tensor, delta: Tensor, fade: Tensor) -> Tensor:
        """Return y for all tokens at once; shapes as above."""

    def step(self, state: Leaky, x: Tensor, b: Tensor, c: Tensor, delta: Tensor, fade: Tensor) -> Tensor:
        """Update `state` by one token, x (B, H, P), b and c (B, N), delta and fade (B, H); return y (B, H,
        P).
        """
        state.decay(fade.exp())
        state.add(x, delta[..., None] * b[:, None])
        return state.read(c[:, None].expand(-1, x.shape[1], -1))
