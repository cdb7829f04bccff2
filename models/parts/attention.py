"""STDP attention as one leaf module, in two equal digital forms: dense, and by level histogram without an N x
N matrix.
"""

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Literal, final

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from memsim.models.parts.attention_kernel import count_gradients, gather_weights
from memsim.models.parts.stdp import Silent, Window, spike_counts
from memsim.written_attention import WrittenAttention

Form = Literal["dense", "histogram"]


def attend(matrix: Tensor, q_count: Tensor, k_count: Tensor, v: Tensor) -> Tensor:
    """sum_j g[r_Q(i), r_K(j)] V_jd with the N x N weights laid out: the plain meaning of a table of weights.

    matrix (D_H+1, D_H+1) of any type, counts (..., N) of integer type, v (..., N, D) of the matrix's type.
    """
    return matrix[q_count.unsqueeze(-1), k_count.unsqueeze(-2)] @ v


def attend_by_level(matrix: Tensor, q_count: Tensor, k_count: Tensor, v: Tensor) -> Tensor:
    """The same sum by levels, exact: M[l, d] = sum_j [r_K(j) = l] V_jd, out_i = sum_l g[r_Q(i), l] M[l].

    Shapes as in `attend`. Integer tables give the same integers; the cost is N D + (D_H+1)^2 D per head, not
    N^2 D.
    """
    levels, width = matrix.shape[1], v.shape[-1]
    histogram = v.new_zeros(*k_count.shape[:-1], levels, width)
    histogram.scatter_add_(-2, k_count.unsqueeze(-1).expand_as(v), v)
    by_query_level = matrix @ histogram
    return by_query_level.gather(-2, q_count.unsqueeze(-1).expand(*q_count.shape, width))


@lru_cache(maxsize=64)
def weight_and_slope(window: Window, head_dim: int, silent: Silent) -> tuple[Tensor, Tensor]:
    """A and dA/dr_K = -dA/dr_Q by both counts, each (D_H + 1, D_H + 1) float64: what autograd finds."""
    with torch.enable_grad():
        count = torch.arange(head_dim + 1, dtype=torch.float64)
        q, k = (c.unsqueeze(-1).clone() for c in torch.meshgrid(count, count, indexing="ij"))
        weight = window.attention(q, k.requires_grad_(), head_dim=head_dim, silent=silent)
        slope = torch.autograd.grad(weight.sum(), k)[0] if weight.requires_grad else torch.zeros_like(k)
    return weight.detach().flatten(2)[..., 0], slope[..., 0]


class _TableAttention(torch.autograd.Function):
    """sum_j A_ij V_jd with A from a table of weights, and its gradient from a table of slopes."""

    @staticmethod
    def forward(ctx, q_count: Tensor, k_count: Tensor, v: Tensor, table: Tensor, slope: Tensor) -> Tensor:
        q, k = (count.detach().reshape(-1, count.shape[-1]) for count in (q_count, k_count))
        weight = gather_weights(table, q, k).view(*q_count.shape, k_count.shape[-1])
        ctx.save_for_backward(q, k, v, weight, slope)
        return weight @ v

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, weight, slope = ctx.saved_tensors
        grad_weight = (grad @ v.transpose(-1, -2)).view(-1, *weight.shape[-2:])
        grad_q, grad_k = count_gradients(slope, q, k, grad_weight)
        shape = weight.shape[:-1]
        return grad_q.view(shape), grad_k.view(shape), weight.transpose(-1, -2) @ grad, None, None


class AbstractAttention(nn.Module, ABC):
    """An attention core: spikes q, k, v (T, B, H, N, D_H) -> sum_j A_ij V_jd, before the scale."""

    @abstractmethod
    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        """The weights A_ij (T, B, H, N, N), laid out."""

    @abstractmethod
    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor: ...


@final
class STDPAttention(AbstractAttention, WrittenAttention):
    """The paper's attention core: q, k, v spikes (T, B, H, N, D_H) -> sum_j A_ij V_jd, same shape, before the
    scale s.

    A_ij follows Eq. (17)-(22) from the spike counts of query i and key j, for each head and time step alone.
    `form="dense"` lays out A and is differentiable; `form="histogram"` sums by level, exactly, and only
    infers. `silent` is the policy for tokens without spikes (`stdp_attention`).
    """

    window: Window

    def __init__(
        self,
        *,
        heads: int,
        head_dim: int,
        window: Window | None = None,
        silent: Silent = "pulse",
        form: Form = "dense",
    ):
        super().__init__()
        self.heads, self.head_dim, self.window = heads, head_dim, window or Window()
        self.silent: Silent = silent
        self.form: Form = form

    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        """A_ij (T, B, H, N, N) of query and key spikes (T, B, H, N, D_H)."""
        return self.window.attention(
            spike_counts(q), spike_counts(k), head_dim=self.head_dim, silent=self.silent
        )

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        learning = torch.is_grad_enabled() and (q.requires_grad or k.requires_grad)
        if self.form == "dense":
            return self._learn(q, k, v) if learning else self._offset_apart(q, k, v)
        if learning:
            raise ValueError("the histogram form has no gradient in q and k: train with form='dense'")
        matrix = self.window.matrix(self.head_dim, self.silent, v.dtype).to(v.device)
        return attend_by_level(matrix, spike_counts(q).long(), spike_counts(k).long(), v)

    def _learn(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """weights(q, k) @ v with its gradient, by table."""
        table, slope = (t.to(v) for t in weight_and_slope(self.window, self.head_dim, self.silent))  # type: ignore[arg-type]
        return _TableAttention.apply(spike_counts(q), spike_counts(k), v, table, slope)

    def _offset_apart(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """sum_j dw_ij V_jd + offset sum_j V_jd, as an array does it: the same rounding where a sum meets a
        threshold exactly (potentiation and depression cancel, 8 values x .5 x s = 1/8 make exactly 1/2).
        """
        offset = self.window.offset
        change = (self.window.matrix(self.head_dim, self.silent) - offset).to(v)
        attended = attend(change, spike_counts(q).long(), spike_counts(k).long(), v)
        return attended + offset * v.sum(-2, keepdim=True)

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: additions of spike counts, and of values either to N queries (dense) or through
        the levels; a look-up in the table of weights is a compare.
        """
        q, k, v = inputs
        tokens, levels = v.shape[-2], self.head_dim + 1
        spikes, rows = float(v.detach().sum()), v.shape[:-2].numel()
        counting = float(q.detach().sum() + k.detach().sum())
        if self.form == "dense":
            lookups, additions = rows * tokens * tokens, spikes * tokens
        else:
            lookups, additions = rows * tokens, spikes + rows * levels * levels * v.shape[-1]
        return {"digital-add": counting + additions, "digital-compare": lookups}

    def extra_repr(self) -> str:
        policy = f"silent={self.silent!r}, form={self.form!r}"
        return f"heads={self.heads}, head_dim={self.head_dim}, {self.window!r}, {policy}"
