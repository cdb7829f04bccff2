"""Ranges of the converters and of the stored numbers of a memory, for each chip and head."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class LineRanges:
    """Largest absolute values of each chip and head, (S, H) or (1, H), in the units of the sequence mixer.

    Larger numbers are clipped.  Raises ValueError for ranges that are not positive and finite.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    score: Tensor  #: range of k . q
    out: Tensor  #: range of sum w v

    def __post_init__(self) -> None:
        for field in fields(self):
            check_range(field.name, getattr(self, field.name))

    @classmethod
    def of(cls, q: Tensor, k: Tensor, v: Tensor, score: Tensor, out: Tensor, chips: int = 1) -> LineRanges:
        """Return the ranges of one batch of tensors (S B, H, ...), chip-major; 1 for heads with zeros
        only.
        """
        found = {"query": q, "key": k, "value": v, "score": score, "out": out}
        return cls(**{name: largest(x, chips) for name, x in found.items()})

    def to(self, like: Tensor) -> LineRanges:
        """Return the ranges in the data type and on the device of `like`."""
        return LineRanges(**{field.name: getattr(self, field.name).to(like) for field in fields(self)})


def check_range(name: str, found: Tensor) -> None:
    """Raise ValueError unless `found` holds a positive finite number for each chip and head."""
    if not (found.dim() == 2 and found.isfinite().all() and (found > 0).all()):
        raise ValueError(f"{name} = {found.tolist()}: positive ranges of shape (chips, heads) are needed")


def largest(x: Tensor, chips: int) -> Tensor:
    """Return the largest absolute value (S, H) of x (S B, H, ...), chip-major; 1 where all of x is 0."""
    size = x.detach().abs().unflatten(0, (chips, -1)).transpose(1, 2).flatten(2).amax(2)
    return torch.where(size > 0, size, 1.0)
