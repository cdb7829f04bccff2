"""STDP attention with its gradient, computed by spike count, for fused training; equal to `STDPAttention`.

Tensors are rows (T, B N, D): time steps, tokens of all images, features of all heads. Neither an N x N matrix
nor a transposition of heads is needed; sums are float32.
"""

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from memsim.devices.numerics.compile import match_threads
from memsim.models.parts.attention import STDPAttention, weight_and_slope
from memsim.models.parts.bits16 import array_of
from memsim.models.parts.level_attention_kernel import attend_rows, attend_rows_back


def attend_in_rows(
    core: STDPAttention, q: Tensor, k: Tensor, v: Tensor, *, batch: int, scale: float
) -> Tensor:
    """Return scale sum_j A_ij V_jd (T, B N, D), float32, for spikes q, k, v (T, B N, D), float32 or bf16."""
    table, slope = weight_and_slope(core.window, core.head_dim, core.silent)  # type: ignore[arg-type]
    tables = torch.stack((table, table.T, slope, slope.T)).float().numpy()
    heads = (len(q) * batch, -1, core.heads, core.head_dim)
    out = _Attention.apply(*(x.reshape(heads) for x in (q, k, v)), tables, scale)
    return out.view(q.shape)


class _Attention(torch.autograd.Function):
    """Attention for rows (M, N, H, D_H); spike counts and values are stored for the backward pass."""

    @staticmethod
    def forward(ctx, q, k, v, tables, scale):
        counts = np.empty((2, len(q), q.shape[2], q.shape[1]), np.int32)
        out, scale = torch.empty(v.shape), np.float32(scale)
        attend_rows(
            *(array_of(x) for x in (q, k, v)), tables[0], scale, *counts, out.numpy(), match_threads()
        )
        ctx.save_for_backward(v)
        ctx.fixed = tables[1:], scale, counts
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, *grads: Tensor):
        (v,) = ctx.saved_tensors
        of_q, of_k, of_v = (torch.empty_like(v) for _ in "qkv")
        made = (array_of(x) for x in (of_q, of_k, of_v))
        tables, scale, counts = ctx.fixed
        attend_rows_back(array_of(v), array_of(grads[0]), tables, scale, *counts, *made, match_threads())
        return of_q, of_k, of_v, None, None
