"""Multi-head attention of torch: q, k, v and output projections on arrays, the attention itself digital."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memsim.energy.census import Census
from memsim.mapping.lowering.matrix import Matrix
from memsim.mapping.lowering.products import reads, site_of
from memsim.mapping.lowering.registry import lowers


@lowers(nn.MultiheadAttention)
def matrices(layer: nn.MultiheadAttention) -> dict[str, Matrix]:
    """W_q, W_k and W_v, of one parameter or of three; the output projection is a linear layer of its own."""
    width = layer.embed_dim
    if layer.in_proj_weight is None:
        return {f"in_proj.{name}": Matrix(f"{name}_proj_weight") for name in "qkv"}
    starts = {"q": 0, "k": width, "v": 2 * width}
    return {f"in_proj.{n}": Matrix("in_proj_weight", start=a, stop=a + width) for n, a in starts.items()}


@reads(F.multi_head_attention_forward, composed=True)
def attend(
    query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int,
    in_proj_weight: Tensor | None, in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: Tensor | None,
    add_zero_attn: bool, dropout_p: float, out_proj_weight: Tensor, out_proj_bias: Tensor | None,
    training: bool = True, key_padding_mask: Tensor | None = None, need_weights: bool = True,
    attn_mask: Tensor | None = None, use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None, k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None, static_k: Tensor | None = None, static_v: Tensor | None = None,
    average_attn_weights: bool = True, is_causal: bool = False,
) -> Any:  # fmt: skip
    """softmax(q k^T / sqrt(d) + masks) v, inputs (L, B, E); the projections are read."""
    projections = (
        (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else (in_proj_weight,)
    )
    if all(getattr(w, "sites", None) in (None, {}) for w in (*projections, out_proj_weight)):
        return NotImplemented
    if query.dim() == 2:  # no batch axis
        raise ValueError("multi-head attention on arrays takes inputs with a batch axis")
    batch = query.shape[1]
    weights = (
        (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else (in_proj_weight,) * 3
    )
    biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
    q, k, v = (
        _project(x, w, part, bias, embed_dim_to_check)
        for part, (x, w, bias) in enumerate(zip((query, key, value), weights, biases, strict=True))
    )
    k, v = (x if b is None else torch.cat([x, b.repeat(1, batch, 1)]) for x, b in ((k, bias_k), (v, bias_v)))
    q, k, v = (x.unflatten(-1, (num_heads, -1)).permute(1, 2, 0, 3) for x in (q, k, v))  # (B, H, L, D)
    k, v = (
        x if given is None else given.unflatten(0, (batch, -1)) for x, given in ((k, static_k), (v, static_v))
    )
    if add_zero_attn:
        k, v = (F.pad(x, (0, 0, 0, 1)) for x in (k, v))
    mask = _mask(attn_mask, key_padding_mask, batch, k.shape[-2], q.dtype)
    if mask is None and is_causal:
        raise ValueError("is_causal needs attn_mask, as in torch's own multi_head_attention_forward")
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    attention = F.dropout(torch.softmax(scores if mask is None else scores + mask, -1), dropout_p, training)
    mixed = (attention @ v).permute(2, 0, 1, 3).flatten(-2)  # (L, B, E)
    out = F.linear(mixed, out_proj_weight, out_proj_bias)
    if not need_weights:
        return out, None
    return out, attention.mean(1) if average_attn_weights else attention


def _project(x: Tensor, weight: Any, part: int, bias: Tensor | None, width: int) -> Tensor:
    """Return one of the three projections; a parameter that is on no array is multiplied digitally."""
    start = part * width if weight.shape[0] == 3 * width and weight.shape[0] != width else 0
    site = site_of(weight, start)
    if site is not None:
        with Census.paused():
            return site.rows(x, weight, bias)
    return F.linear(x, weight[start : start + width], bias)


def _mask(
    mask: Tensor | None, padding: Tensor | None, batch: int, keys: int, dtype: torch.dtype
) -> Tensor | None:
    """Return both masks as one that is added to the scores, broadcast to (B, H, L, keys)."""
    found = None
    if mask is not None:
        found = _additive(mask, dtype)
        found = found.unflatten(0, (batch, -1)) if found.dim() == 3 else found
        found = F.pad(found, (0, keys - found.shape[-1]))
    if padding is not None:
        more = F.pad(_additive(padding, dtype), (0, keys - padding.shape[-1]))[:, None, None]
        found = more if found is None else found + more
    return found


def _additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    return (
        torch.zeros_like(mask, dtype=dtype).masked_fill_(mask, -torch.inf)
        if mask.dtype == torch.bool
        else mask
    )
