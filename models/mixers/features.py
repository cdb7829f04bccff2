"""Features of tokens before they are stored: short convolution, decays, rotary positions, random keys."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from memsim.models.mixers.mixer import Mixer


class ShortConvolution(Mixer):
    """A causal convolution of each feature, y_t = sum_n w_n x_{t-n}; w (C, taps), the oldest first."""

    def __init__(self, width: int, taps: int, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, taps).uniform_(-(taps**-0.5), taps**-0.5))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        taps = self.weight.shape[1]
        return self._of(pad(x, (0, 0, taps - 1, 0)).unfold(1, taps, 1))

    def start(self, batch: int) -> list[Tensor]:
        return [self.weight.new_zeros(batch, len(self.weight)) for _ in range(self.weight.shape[1] - 1)]

    def step(self, x: Tensor, state: list[Tensor]) -> Tensor:
        state.append(x)
        y = self._of(torch.stack(state, -1))
        del state[0]
        return y

    def _of(self, window: Tensor) -> Tensor:
        y = (window * self.weight).sum(-1)
        return y if self.bias is None else y + self.bias


def decays(log_factor: Tensor) -> Tensor:
    """Products of factors between tokens: exp(sum_{s < m <= t} log_factor_m) at (t, s), 0 above the diagonal.

    log_factor (..., T) -> (..., T, T).  The mask comes before the exponential, which could overflow there.
    """
    sums = log_factor.cumsum(-1)
    tokens = log_factor.shape[-1]
    past = torch.ones(tokens, tokens, dtype=torch.bool, device=sums.device).tril()
    return (sums[..., :, None] - sums[..., None, :]).masked_fill(~past, -torch.inf).exp()


def unit(x: Tensor) -> Tensor:
    """x / |x| over the last axis; 0 stays 0."""
    return x / x.norm(dim=-1, keepdim=True).clamp(min=1e-10)


def rotary(x: Tensor, first: int = 0, theta: float = 1e4) -> Tensor:
    """Turn pairs of features (d, d + D/2) by angles t theta^(-2 d / D) (RoFormer, arXiv 2104.09864).

    x (..., T, D), D even, of the positions t = first, first + 1, ...: products q.k then depend on distances.
    """
    half = x.shape[-1] // 2
    at = torch.arange(first, first + x.shape[-2], device=x.device, dtype=torch.float64)
    angle = at[:, None] * theta ** (-torch.arange(half, device=x.device, dtype=torch.float64) / half)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


@lru_cache(maxsize=4096)
def random_key(seed: int, position: int, heads: int, width: int) -> Tensor:
    """The key (H, D) of a position, whatever its token: standard normals, the same in every run."""
    return torch.from_numpy(np.random.default_rng([seed, position]).standard_normal((heads, width)))


def random_keys(like: Tensor, seed: int = 0) -> Tensor:
    """Random keys for the positions of keys (B, H, T, D), the same for all sequences."""
    _, heads, tokens, width = like.shape
    keys = torch.stack([random_key(seed, t, heads, width) for t in range(tokens)], 1)
    return keys.to(like).expand_as(like)
