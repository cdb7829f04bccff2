"""Avey (arXiv 2506.11305): a ranker selects past splits of the embeddings, and a processor mixes their
tokens.

    score of a past split     sum over the current split's tokens of the largest cosine with its tokens
    context                   the k best past splits, in order, scaled by score / largest, then the current
    block                     h += fuse[contextualise(u_1), u_2],   u = relu(enrich(norm h))^2,  half to each
    contextualise(a, b)       (tril(V) . cos(a, a)) a  .  b,        V learned, as long as the context

As published, the model is not causal: later tokens of the current split influence which past splits its
earlier tokens see.  It is therefore not a `Mixer` in the registry.  It has no memory to be written into
arrays and stays digital.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, pad

from memsim.digital_only import DigitalOnly


def ranked(x: Tensor, split: int, keep: int) -> Tensor:
    """Return the context of every split: (B, T, C) -> (B, T / split, (keep + 1) split, C).

    If there are fewer than `keep` past splits, zeros are added on the left.  Raises ValueError if T is not a
    multiple of `split`.
    """
    if x.shape[1] % split:
        raise ValueError(f"the number of tokens, {x.shape[1]}, is not a multiple of split = {split}")
    parts = x.unflatten(1, (-1, split))  # (B, splits, split, C)
    units = normalize(parts, dim=-1)
    out = []
    for now in range(parts.shape[1]):
        score = torch.einsum("bic,bpjc->bpij", units[:, now], units[:, :now]).amax(-1).sum(-1)  # (B, past)
        many = min(keep, now)
        best = score.topk(many, 1).indices.sort(1).values
        scale = score.gather(1, best)
        scale = scale / scale.amax(1, keepdim=True).clamp(min=1e-9) if many else scale
        rows = torch.arange(len(x), device=x.device)[:, None]
        past = (parts[rows, best] * scale[..., None, None]).flatten(1, 2)
        context = torch.cat([past, parts[:, now]], 1)
        out.append(pad(context, (0, 0, (keep + 1) * split - context.shape[1], 0)))
    return torch.stack(out, 1)


class AveyBlock(nn.Module):
    """Layer of the processor: (..., L, C) -> (..., L, C), with context length L."""

    def __init__(self, width: int, length: int, ratio: int = 4) -> None:
        super().__init__()
        inner = ratio * width
        self.norm = nn.RMSNorm(width)
        self.enrich = nn.Linear(width, inner)
        self.mix = nn.Parameter(torch.randn(length, length) / length**0.5)
        self.fuse = nn.Linear(3 * inner // 4, width)

    def forward(self, h: Tensor) -> Tensor:
        head, a, b = (
            self.enrich(self.norm(h))
            .relu()
            .square()
            .split([self.enrich.out_features // 2, *[self.enrich.out_features // 4] * 2], -1)
        )
        units = normalize(a, dim=-1)
        mixed = (self.mix.tril() * (units @ units.mT)) @ a
        return h + self.fuse(torch.cat([head, mixed * b], -1))


class Avey(DigitalOnly):
    """Ranker and processor on embeddings: (B, T, C) -> (B, T, C).

    split: tokens of a split; keep: number of past splits in the context.  The forward pass raises ValueError
    if T is not a multiple of `split`.
    """

    digital_because = "its products are of activations alone; nothing is written that would be read again"

    def __init__(self, width: int, layers: int, split: int = 64, keep: int = 7) -> None:
        super().__init__()
        self.split, self.keep = split, keep
        self.blocks = nn.ModuleList(AveyBlock(width, split * (keep + 1)) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        h = ranked(x, self.split, self.keep)
        for block in self.blocks:
            h = block(h)
        return h[:, :, -self.split :].flatten(1, 2)
