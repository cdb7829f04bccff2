"""Mamba-2 and Mamba-1: state-space mixers with a real diagonal state (arXiv 2405.21060, 2312.00752).

    Mamba-2   [z, x, B, C, d] = W_in u     (x, B, C) <- silu(conv4(x, B, C))     Delta = softplus(d + b)
              S_t = e^{Delta_t A} S_{t-1} + Delta_t x_t B_t^T     y_t = S_t C_t + D x_t
              out = W_out norm(y silu(z)),   E = 2 C features in heads of P, one A < 0 for each head
    Mamba-1   likewise, with A_n for each feature and component n of its state, no heads, low-rank Delta

For all tokens at once, Mamba-2 is a masked product: y = (L . C B^T . Delta) x, L_ij = exp(A sum
Delta_{j<m<=i}).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu, softplus

from memsim.memory.leaky import IdealLeaky, Leaky
from memsim.models.mixers.features import ShortConvolution
from memsim.models.mixers.mixer import Mixer, Shape, by_head, merged
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.state_memory import StateMemory

TAPS, SHORTEST, LONGEST = 4, 1e-3, 1e-1  #: taps of the convolution; range of initial values of Delta


def first_bias(count: int) -> Tensor:
    """Draw biases (count,) whose softplus is log-uniform between SHORTEST and LONGEST."""
    delta = torch.exp(torch.rand(count) * math.log(LONGEST / SHORTEST) + math.log(SHORTEST))
    return delta + torch.log(-torch.expm1(-delta))


@dataclass
class MambaState:
    """State of the token-by-token form after the tokens so far."""

    recent: list[Tensor]  #: latest inputs of the convolution
    memory: Leaky


class Mamba2(Mixer):
    """Mamba-2 with real diagonal state (arXiv 2405.21060).

    head: number of features P of a head (default: 2 C / H).  The attribute ``delta`` is a function of
    Delta (B, T, H) that returns the same shape; it can be replaced by a filter (`delta_filters.py`).
    """

    def __init__(self, shape: Shape, head: int | None = None) -> None:
        super().__init__()
        self.inner, self.state = 2 * shape.width, shape.state
        self.head = head or self.inner // shape.heads
        self.heads = self.inner // self.head
        self.project = nn.Linear(shape.width, 2 * self.inner + 2 * self.state + self.heads, bias=False)
        self.convolution = ShortConvolution(self.inner + 2 * self.state, TAPS, bias=True)
        self.log_rate = nn.Parameter(torch.empty(self.heads).uniform_(1.0, 16.0).log())
        self.delta_bias = nn.Parameter(first_bias(self.heads))
        self.skip = nn.Parameter(torch.ones(self.heads))
        self.norm = nn.RMSNorm(self.inner, eps=1e-5)
        self.out = nn.Linear(self.inner, shape.width, bias=False)
        self.delta = nn.Identity()
        self.memory = StateMemory()

    def forward(self, u: Tensor) -> Tensor:
        z, mixed, d = self._split(self.project(u))
        x, b, c = self._features(silu(self.convolution(mixed)))
        delta = self.delta(softplus(d + self.delta_bias))  # (B, T, H)
        by_token = delta.mT  # (B, H, T)
        x = by_head(x, self.heads)  # (B, H, T, P)
        y = self.memory(x, b, c, by_token, by_token * -self.log_rate.exp()[:, None])
        y = y + self.skip[:, None, None] * x
        return self._finish(merged(y), z)

    def start(self, batch: int) -> MambaState:
        return MambaState(self.convolution.start(batch), IdealLeaky())

    def step(self, u: Tensor, state: MambaState) -> Tensor:
        z, mixed, d = self._split(self.project(u))
        x, b, c = self._features(silu(self.convolution.step(mixed, state.recent)))
        delta = self.delta(softplus(d + self.delta_bias)[:, None])[:, 0]  # (B, H)
        x = by_head(x, self.heads)  # (B, H, P)
        y = self.memory.step(state.memory, x, b, c, delta, -self.log_rate.exp() * delta)
        return self._finish(merged(y + self.skip[:, None] * x), z)

    def _split(self, projected: Tensor) -> list[Tensor]:
        return list(projected.split([self.inner, self.inner + 2 * self.state, self.heads], -1))

    def _features(self, mixed: Tensor) -> list[Tensor]:
        return list(mixed.split([self.inner, self.state, self.state], -1))

    def _finish(self, y: Tensor, z: Tensor) -> Tensor:
        return self.out(self.norm(y * silu(z)))


class Mamba1(Mixer):
    """Mamba-1 (arXiv 2312.00752), computed in a loop over tokens.

    Each feature and state component has its own decay, so a masked product is not possible.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.inner, self.state = 2 * shape.width, shape.state
        self.rank = -(-shape.width // 16)
        self.project = nn.Linear(shape.width, 2 * self.inner, bias=False)
        self.convolution = ShortConvolution(self.inner, TAPS, bias=True)
        self.select = nn.Linear(self.inner, self.rank + 2 * self.state, bias=False)
        self.delta = nn.Linear(self.rank, self.inner)
        self.delta.bias.data = first_bias(self.inner)
        self.log_rate = nn.Parameter(torch.arange(1.0, self.state + 1).log().repeat(self.inner, 1))
        self.skip = nn.Parameter(torch.ones(self.inner))
        self.out = nn.Linear(self.inner, shape.width, bias=False)

    def forward(self, u: Tensor) -> Tensor:
        x, z = self.project(u).chunk(2, -1)
        x = silu(self.convolution(x))
        h, out = x.new_zeros(len(u), self.inner, self.state), []
        for token in x.unbind(1):
            y, h = self._pass(token, h)
            out.append(y)
        return self.out(torch.stack(out, 1) * silu(z))

    def start(self, batch: int) -> list:
        return [self.convolution.start(batch), self.skip.new_zeros(batch, self.inner, self.state)]

    def step(self, u: Tensor, state: list) -> Tensor:
        x, z = self.project(u).chunk(2, -1)
        y, state[1] = self._pass(silu(self.convolution.step(x, state[0])), state[1])
        return self.out(y * silu(z))

    def _pass(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Process one token: x (B, E) and state h (B, E, N) -> y (B, E) and the new state."""
        d, b, c = self.select(x).split([self.rank, self.state, self.state], -1)
        delta = softplus(linear(d, self.delta.weight, self.delta.bias))[..., None]
        h = (-self.log_rate.exp() * delta).exp() * h + delta * b[:, None] * x[..., None]
        return (h @ c[..., None])[..., 0] + self.skip * x, h


mixer("mamba-2")(Mamba2)
mixer("mamba-1")(Mamba1)
