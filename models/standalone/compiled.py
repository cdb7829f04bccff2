"""Batch norm, LIF neurons and STDP attention by torch.compile, for a GPU where the kernels do not run."""

import torch
import torch.nn.functional as F
from loops import Loops
from plain import EPS, SCALE, plain_fire, plain_weights
from torch import Tensor


def norm_fire(x: Tensor, weight: Tensor, bias: Tensor, T: int, threshold: float, alpha: float) -> Tensor:
    """Batch norm (training) and LIF: x (T or 1, P, C) -> spikes (T, P, C)."""
    return plain_fire(_normed(x, weight, bias), T, threshold, alpha).to(x.dtype)


def fire(u: Tensor, threshold: float, alpha: float) -> Tensor:
    """LIF alone: u (T, P, C) float32 -> spikes, bf16."""
    return plain_fire(u, len(u), threshold, alpha).bfloat16()


def norm_add(x: Tensor, weight: Tensor, bias: Tensor, u: Tensor) -> Tensor:
    """u + batch norm (training) of x: (R, C) -> float32."""
    return u + _normed(x, weight, bias)


def attention(q: Tensor, k: Tensor, v: Tensor, width: int) -> Tensor:
    """s A V: spikes q, k, v (T B, N, D) in heads of `width` -> float32 of that shape."""
    heads = (s.float().unflatten(-1, (-1, width)).transpose(1, 2) for s in (q, k, v))
    q, k, v = heads
    return (SCALE * plain_weights(q, k) @ v).transpose(1, 2).flatten(2)


def _normed(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Batch norm of rows (..., C) with their own statistics, in float32."""
    rows = x.float().flatten(0, -2)
    return F.batch_norm(rows, None, None, weight, bias, True, 0.0, EPS).view(x.shape)


torch._dynamo.config.recompile_limit = 64  # shapes and numbers of steps: above it nothing would be compiled
LOOPS = Loops(*(torch.compile(f) for f in (norm_fire, fire, norm_add, attention)))
