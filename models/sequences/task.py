"""The interface of a task: a generator of token sequences and of the tokens to be predicted."""

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
"""Target of positions without a prediction; torch's cross entropy ignores it."""

PARTS = ("train", "calibration", "test")
"""Parts of a task, whose sequences are drawn independently."""


def check_sample(count: int, part: str) -> None:
    """Raise ValueError for a number of sequences below 1 and for an unknown part of a task."""
    if part not in PARTS:
        raise ValueError(f"part = {part!r}: one of {', '.join(PARTS)} is needed")
    if count < 1:
        raise ValueError(f"count = {count} sequences: 1 or more is needed")


@dataclass(frozen=True)
class Batch:
    """Batch of sequences: tokens (B, T) int64 and targets (B, T) int64.

    Targets are IGNORE at positions that are not evaluated.  tags: integers (B, T) by which results can be
    grouped, such as "distance".  legal (B, T, V) bool: tokens that count as correct; None: only the target.
    """

    tokens: Tensor
    targets: Tensor
    tags: Mapping[str, Tensor] = field(default_factory=dict)
    legal: Tensor | None = None

    @property
    def asked(self) -> Tensor:
        """Positions that are evaluated, bool (B, T)."""
        return self.targets != IGNORE

    def right(self, predicted: Tensor) -> Tensor:
        """Return whether predictions (B, T) are correct, bool (B, T); False at positions not evaluated."""
        if self.legal is None:
            return (predicted == self.targets) & self.asked
        return self.legal.gather(-1, predicted[..., None])[..., 0] & self.asked


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """Generator of sequences.  Its fields are its settings; with the defaults, training takes about a
    minute.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    """Publication that introduced the task."""

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """Number of distinct tokens V."""

    @abstractmethod
    def make(self, count: int, rng: np.random.Generator) -> Batch:
        """Draw `count` sequences with the generator `rng`."""

    def sample(self, count: int, seed: int, part: str = "train", number: int = 0) -> Batch:
        """Draw `count` sequences as batch `number` of a part: "train", "calibration" or "test".

        The result depends only on the arguments and on the task.  Raises ValueError for a count below 1 and
        for another part.
        """
        check_sample(count, part)
        key = [seed, zlib.crc32(self.name.encode()), zlib.crc32(part.encode()), number]
        return self.make(count, np.random.default_rng(key))

    def check(self, **bounds: tuple[float, float]) -> None:
        """Raise ValueError for a field outside its bounds, given as name = (low, high), both included."""
        known = {one.name for one in fields(self)}
        for name, (low, high) in bounds.items():
            assert name in known
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{self.name}: {name} = {value}: {low:g} to {high:g} is allowed here")


def distinct(rng: np.random.Generator, rows: int, low: int, high: int, count: int) -> np.ndarray:
    """Draw `count` distinct integers from low to high - 1 for each row: (rows, count) int64, random order."""
    return rng.random((rows, high - low)).argsort(1)[:, :count].astype(np.int64) + low


def as_batch(tokens: np.ndarray, targets: np.ndarray, **tags: np.ndarray) -> Batch:
    """Convert numpy arrays (B, T) to a `Batch`."""
    return Batch(
        torch.from_numpy(tokens),
        torch.from_numpy(targets),
        {name: torch.from_numpy(tag) for name, tag in tags.items()},
    )
