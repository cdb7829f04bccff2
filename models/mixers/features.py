"""Feature maps for tokens: short convolution, decay factors, rotary positions and random keys."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from memsim.models.mixers.mixer import Mixer


class ShortConvolution(Mixer):
    """Causal convolution of each feature, y_t = sum_n w_n x_{t-n}; weight (C, taps) starts with the
    oldest.
    """

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
    """Return the products of decay factors between all pairs of tokens, (..., T) -> (..., T, T).

        D_ts = exp(sum_{s < m <= t} log_factor_m) for s <= t, else 0

    The mask is applied before the exponential, which could overflow above the diagonal.
    """
    sums = log_factor.cumsum(-1)
    tokens = log_factor.shape[-1]
    past = torch.ones(tokens, tokens, dtype=torch.bool, device=sums.device).tril()
    return (sums[..., :, None] - sums[..., None, :]).masked_fill(~past, -torch.inf).exp()


def unit(x: Tensor) -> Tensor:
    """Return x / |x| over the last axis; vectors of zeros stay 0."""
    return x / x.norm(dim=-1, keepdim=True).clamp(min=1e-10)


def rotary(x: Tensor, first: int = 0, theta: float = 1e4) -> Tensor:
    """Rotate pairs of features (d, d + D/2) by angles t theta^(-2 d / D) (RoFormer, arXiv 2104.09864).

    x is (..., T, D) with even D, at positions t = first, first + 1, and so on.  Scores q.k then depend on the
    distance of tokens only.
    """
    half = x.shape[-1] // 2
    at = torch.arange(first, first + x.shape[-2], device=x.device, dtype=torch.float64)
    angle = at[:, None] * theta ** (-torch.arange(half, device=x.device, dtype=torch.float64) / half)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


@lru_cache(maxsize=4096)
def random_key(seed: int, position: int, heads: int, width: int) -> Tensor:
    """Return the random key (H, D) of a position: standard normal numbers, the same in every run."""
    return torch.from_numpy(np.random.default_rng([seed, position]).standard_normal((heads, width)))


def random_keys(like: Tensor, seed: int = 0) -> Tensor:
    """Return random keys of the shape of `like` (B, H, T, D), the same for all sequences."""
    _, heads, tokens, width = like.shape
    keys = torch.stack([random_key(seed, t, heads, width) for t in range(tokens)], 1)
    return keys.to(like).expand_as(like)
