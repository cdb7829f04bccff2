"""Other kinds of attention with the same interface as STDP attention, against which it is compared.

All take spikes q, k, v (T, B, H, N, D_H) and return sum_j A_ij V_jd. If A depends on q and k, it is
multiplied by `gain` (H), which is 1 unless the mean weight is matched to another network.
"""

from typing import Literal, final

import torch
from torch import Tensor, nn

from memsim.models.parts.attention import AbstractAttention
from memsim.models.parts.stdp import spike_counts
from memsim.written_attention import ProductAttention

Kind = Literal["stdp", "random", "uniform", "uniform-matched", "rate", "dot", "sdsa"]
KINDS: tuple[Kind, ...] = ("stdp", "random", "uniform", "uniform-matched", "rate", "dot")
"""Kinds of attention with weights A_ij; "sdsa" (`memsim.models.parts.spike_driven`) has no weights."""


def _per_head(values: Tensor) -> Tensor:
    """Reshape (H) to (H, 1, 1), which broadcasts against (T, B, H, N, N)."""
    return values[:, None, None]


@final
class RandomAttention(AbstractAttention):
    """Attention with fixed random weights, one N x N matrix per head, independent of the input.

    The weights are drawn uniformly with `seed`, then shifted and scaled so that the matrix of each head has
    exactly the given mean (H) and standard deviation `spread` (H).
    """

    weight: Tensor

    def __init__(self, *, tokens: int, mean: Tensor, spread: Tensor, seed: int):
        super().__init__()
        draw = torch.rand(
            len(mean), tokens, tokens, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        draw = (draw - draw.mean((1, 2), keepdim=True)) / draw.std((1, 2), keepdim=True, correction=0)
        weight = _per_head(mean.double()) + _per_head(spread.double()) * draw
        self.register_buffer("weight", weight.to(torch.get_default_dtype()))

    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        """Return A_ij (T, B, H, N, N), the same for every image and time step."""
        return self.weight.expand(*q.shape[:2], *self.weight.shape)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return self.weight @ v


@final
class UniformAttention(AbstractAttention):
    """Attention with one weight per head, A_ij = level (H), which is learned or fixed."""

    level: Tensor

    def __init__(self, *, level: Tensor, learned: bool):
        super().__init__()
        level = level.to(torch.get_default_dtype())
        if learned:
            self.level = nn.Parameter(level)
        else:
            self.register_buffer("level", level)

    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        """Return A_ij (T, B, H, N, N), one value per head."""
        return _per_head(self.level).expand(*q.shape[:-1], q.shape[-2])

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return (_per_head(self.level) * v.sum(-2, keepdim=True)).expand_as(v)


@final
class RateAttention(AbstractAttention):
    """Rate-only attention, A_ij = gain r_Q(i) r_K(j) / D_H: the expected dot product given the spike
    counts.
    """

    gain: Tensor

    def __init__(self, *, head_dim: int, gain: Tensor):
        super().__init__()
        self.head_dim = head_dim
        self.register_buffer("gain", gain.to(torch.get_default_dtype()))

    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        """Return A_ij (T, B, H, N, N), of rank one in each head."""
        outer = spike_counts(q).unsqueeze(-1) * spike_counts(k).unsqueeze(-2)
        return _per_head(self.gain) / self.head_dim * outer

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        value = (spike_counts(k).unsqueeze(-1) * v).sum(-2, keepdim=True)
        return _per_head(self.gain) / self.head_dim * (spike_counts(q).unsqueeze(-1) * value)


@final
class DotAttention(AbstractAttention, ProductAttention):
    """Dot-product attention, A_ij = gain q_i . k_j: the attention of Spikformer (Zhou et al. 2023)."""

    def __init__(self, *, gain: Tensor):
        super().__init__()
        self.register_buffer("gain", gain.to(torch.get_default_dtype()))

    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        """Return A_ij (T, B, H, N, N)."""
        return _per_head(self.gain) * (q @ k.transpose(-1, -2))

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if q.shape[-2] > q.shape[-1]:
            return _per_head(self.gain) * (q @ (k.transpose(-1, -2) @ v))
        return self.weights(q, k) @ v
