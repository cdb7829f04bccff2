"""A task: token sequences with the tokens to be predicted, made from a seed."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

IGNORE = -100
"""Target of a position that is not asked for, as in torch's cross entropy."""


@dataclass(frozen=True)
class Batch:
    """Sequences: tokens (B, T) int64, targets (B, T) int64, IGNORE where nothing is asked.

    tags: numbers by which answers can be told apart, (B, T) int64, such as "distance".  legal (B, T, V) bool:
    tokens that count as right; None: the target alone.
    """

    tokens: Tensor
    targets: Tensor
    tags: Mapping[str, Tensor] = field(default_factory=dict)
    legal: Tensor | None = None

    @property
    def asked(self) -> Tensor:
        """Positions that are asked for, bool (B, T)."""
        return self.targets != IGNORE

    def right(self, predicted: Tensor) -> Tensor:
        """Whether predicted tokens (B, T) count as right, bool (B, T); False where nothing is asked."""
        if self.legal is None:
            return (predicted == self.targets) & self.asked
        return self.legal.gather(-1, predicted[..., None])[..., 0] & self.asked


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A generator of sequences.  Fields are its settings; the defaults suit a minute of CPU."""

    name: ClassVar[str]
    source: ClassVar[str]
    """The publication of the task."""

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """Distinct tokens V."""

    @abstractmethod
    def make(self, count: int, rng: np.random.Generator) -> Batch:
        """Draw `count` sequences."""

    def sample(self, count: int, seed: int, part: str = "train", number: int = 0) -> Batch:
        """Draw `count` sequences of batch `number` of a part ("train", "test"), the same in every run."""
        if count < 1:
            raise ValueError(f"count = {count} sequences: 1 or more is needed")
        key = [seed, zlib.crc32(self.name.encode()), zlib.crc32(part.encode()), number]
        return self.make(count, np.random.default_rng(key))

    def check(self, **bounds: tuple[float, float]) -> None:
        """Raise ValueError for a field outside its bounds, by name."""
        known = {one.name for one in fields(self)}
        for name, (low, high) in bounds.items():
            assert name in known
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{self.name}: {name} = {value}: {low:g} to {high:g} is allowed here")


def distinct(rng: np.random.Generator, rows: int, low: int, high: int, count: int) -> np.ndarray:
    """Different numbers of low .. high - 1 in each row, (rows, count) int64, in random order."""
    return rng.random((rows, high - low)).argsort(1)[:, :count].astype(np.int64) + low


def as_batch(tokens: np.ndarray, targets: np.ndarray, **tags: np.ndarray) -> Batch:
    """A batch of arrays."""
    return Batch(
        torch.from_numpy(tokens),
        torch.from_numpy(targets),
        {name: torch.from_numpy(tag) for name, tag in tags.items()},
    )
