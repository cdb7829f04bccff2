"""STDP attention as one module, in two digital forms with equal results.

The dense form computes the N x N matrix of weights; the histogram form sums values by spike count instead.
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
    """Return out_id = sum_j g[r_Q(i), r_K(j)] V_jd (..., N, D), computed with the N x N matrix of weights.

    matrix: table g (D_H+1, D_H+1) of any type; q_count and k_count (..., N), integer; v (..., N, D) of the
    type of the table.
    """
    return matrix[q_count.unsqueeze(-1), k_count.unsqueeze(-2)] @ v


def attend_by_level(matrix: Tensor, q_count: Tensor, k_count: Tensor, v: Tensor) -> Tensor:
    """Return the same sum as `attend`, computed by the level histogram M without an N x N matrix.

        M_ld = sum_j [r_K(j) = l] V_jd,   out_id = sum_l g[r_Q(i), l] M_ld

    Shapes as in `attend`. The method is exact (integer tables give equal results) and takes
    N D + (D_H+1)^2 D operations per head instead of N^2 D.
    """
    levels, width = matrix.shape[1], v.shape[-1]
    histogram = v.new_zeros(*k_count.shape[:-1], levels, width)
    histogram.scatter_add_(-2, k_count.unsqueeze(-1).expand_as(v), v)
    by_query_level = matrix @ histogram
    return by_query_level.gather(-2, q_count.unsqueeze(-1).expand(*q_count.shape, width))


@lru_cache(maxsize=64)
def weight_and_slope(window: Window, head_dim: int, silent: Silent) -> tuple[Tensor, Tensor]:
    """Return tables of A and of dA/dr_K = -dA/dr_Q over both counts, each (D_H + 1, D_H + 1), float64."""
    with torch.enable_grad():
        count = torch.arange(head_dim + 1, dtype=torch.float64)
        q, k = (c.unsqueeze(-1).clone() for c in torch.meshgrid(count, count, indexing="ij"))
        weight = window.attention(q, k.requires_grad_(), head_dim=head_dim, silent=silent)
        slope = torch.autograd.grad(weight.sum(), k)[0] if weight.requires_grad else torch.zeros_like(k)
    return weight.detach().flatten(2)[..., 0], slope[..., 0]


class _TableAttention(torch.autograd.Function):
    """sum_j A_ij V_jd with weights from a table and gradients from a table of slopes."""

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
    """Attention core: spikes q, k, v (T, B, H, N, D_H) -> sum_j A_ij V_jd of the same shape, without
    scale.
    """

    @abstractmethod
    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the weights A_ij (T, B, H, N, N) for query and key spikes (T, B, H, N, D_H)."""

    @abstractmethod
    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor: ...


@final
class STDPAttention(AbstractAttention, WrittenAttention):
    """STDP attention of S2TDPT: spikes q, k, v (T, B, H, N, D_H) -> sum_j A_ij V_jd of the same shape.

    The scale s is not included. A_ij depends on the spike counts of query i and key j in the same head and
    time step, Eq. (17)-(22) of Mondal & Kumar, arXiv:2511.14691 (2025). `form="dense"` computes the matrix A
    and is differentiable; `form="histogram"` sums by spike count with equal results, for inference only: its
    forward raises ValueError if q or k need a gradient. `silent`: treatment of tokens without spikes
    (`stdp_attention`).
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
        """Return A_ij (T, B, H, N, N) for query and key spikes (T, B, H, N, D_H)."""
        return self.window.attention(
            spike_counts(q), spike_counts(k), head_dim=self.head_dim, silent=self.silent
        )

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        learning = torch.is_grad_enabled() and (q.requires_grad or k.requires_grad)
        if self.form == "dense":
            return self._learn(q, k, v) if learning else self._offset_apart(q, k, v)
        if learning:
            raise ValueError("form = 'histogram' has no gradient in q and k: train with form='dense'")
        matrix = self.window.matrix(self.head_dim, self.silent, v.dtype).to(v.device)
        return attend_by_level(matrix, spike_counts(q).long(), spike_counts(k).long(), v)

    def _learn(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return weights(q, k) @ v with its gradient, computed from tables."""
        table, slope = (t.to(v) for t in weight_and_slope(self.window, self.head_dim, self.silent))  # type: ignore[arg-type]
        return _TableAttention.apply(spike_counts(q), spike_counts(k), v, table, slope)

    def _offset_apart(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return sum_j dw_ij V_jd + offset sum_j V_jd, summed in the same order as on an array.

        The rounding is then equal too, which matters if a sum equals the threshold of a neuron exactly: for
        example, potentiation and depression cancel, and 8 values x 0.5 x s = 1/8 give exactly 1/2.
        """
        offset = self.window.offset
        change = (self.window.matrix(self.head_dim, self.silent) - offset).to(v)
        attended = attend(change, spike_counts(q).long(), spike_counts(k).long(), v)
        return attended + offset * v.sum(-2, keepdim=True)

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Return the events of one call: additions of spikes and values, and look-ups.

        Values are added to N queries (dense) or to the levels (histogram); a look-up in the table of weights
        counts as one comparison.
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
