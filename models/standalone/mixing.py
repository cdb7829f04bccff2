"""The kinds of attention: spikes of queries, keys and values in, what stands before the next neurons out."""

import torch.nn.functional as F
from layers import Core
from loops import Loops
from plain import SCALE, plain_fire, plain_weights
from torch import Tensor

WIDTH, TOKENS = 32, 64  #: of a head; of a picture


def mix(
    q: Tensor, k: Tensor, v: Tensor, core: Core, *, loops: Loops | None, seen: list[Tensor] | None
) -> Tensor:
    """Mix spikes (T, B N, D) over tokens: the same shape, float32 where neurons follow.

    `seen` collects STDP weights (T B, H, N, N), also of networks that do not use them.
    """
    T, kind = len(q), core.job.mixer
    q, k, v = (x.view(-1, TOKENS, x.shape[-1]) for x in (q, k, v))
    if kind == "stdp" and loops:
        return loops.attention(q, k, v, WIDTH).view(T, -1, q.shape[-1])
    q, k, v = (x.view(-1, TOKENS, x.shape[-1] // WIDTH, WIDTH).transpose(1, 2) for x in (q, k, v))
    if seen is not None:
        seen.append(plain_weights(q, k))
    if kind == "softmax":
        out = F.scaled_dot_product_attention(q, k, v)
    elif kind == "sdsa":
        common = (k * v).sum(-2, keepdim=True)
        gate = plain_fire(common.unflatten(0, (T, -1)).float(), T, 0.5, core.job.alpha)
        out = (q.unflatten(0, (T, -1)) * gate).flatten(0, 1)
    else:
        out = SCALE * _weighted(q.float(), k.float(), v.float(), core)
    return out.transpose(1, 2).reshape(T, -1, out.shape[1] * WIDTH)


def _weighted(q: Tensor, k: Tensor, v: Tensor, core: Core) -> Tensor:
    """Return sum_j A_ij V_jd (T B, H, N, D_H) of a kind that has weights A."""
    kind = core.job.mixer
    if kind == "stdp":
        return plain_weights(q, k) @ v
    if kind == "dot":
        return q @ (k.transpose(-1, -2) @ v)
    if kind == "rate":
        return q.sum(-1, keepdim=True) * (k.sum(-1, keepdim=True) * v).sum(-2, keepdim=True) / WIDTH
    if kind == "random":
        return core.weight @ v
    return (core.level[:, None, None] * v.sum(-2, keepdim=True)).expand_as(v)
