"""Ranges of a memory's converters and of what its lines hold, for each chip and head."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class LineRanges:
    """Largest absolute values, (S, H) of each chip and head or (1, H), in the numbers of the mixer.

    What is larger is clipped.  Raises ValueError for what is no positive number."""

    query: Tensor
    key: Tensor
    value: Tensor
    score: Tensor  #: of k.q
    out: Tensor  #: of sum w v

    def __post_init__(self) -> None:
        for field in fields(self):
            found = getattr(self, field.name)
            if not (found.dim() == 2 and found.isfinite().all() and (found > 0).all()):
                raise ValueError(
                    f"{field.name} = {found.tolist()}: positive ranges (chips, heads) are needed"
                )

    @classmethod
    def of(cls, q: Tensor, k: Tensor, v: Tensor, score: Tensor, out: Tensor, chips: int = 1) -> LineRanges:
        """The ranges of one batch (S B, H, ...), chip-major; a head without any number gets 1."""
        found = {"query": q, "key": k, "value": v, "score": score, "out": out}
        return cls(**{name: largest(x, chips) for name, x in found.items()})

    def to(self, like: Tensor) -> LineRanges:
        """The same in the type of `like`."""
        return LineRanges(**{field.name: getattr(self, field.name).to(like) for field in fields(self)})


def largest(x: Tensor, chips: int) -> Tensor:
    """Largest absolute value (S, H) of what is (S B, H, ...), chip-major; 1 where there is none."""
    size = x.detach().abs().unflatten(0, (chips, -1)).transpose(1, 2).flatten(2).amax(2)
    return torch.where(size > 0, size, 1.0)
