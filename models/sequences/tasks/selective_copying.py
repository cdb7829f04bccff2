"""Selective copying: tokens among noise are to be reproduced in order at the end (arXiv 2312.00752)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memsim.models.sequences.registry import task
from memsim.models.sequences.task import IGNORE, Batch, Task, as_batch

NOISE, ASK = 0, 1


@task
@dataclass(frozen=True, kw_only=True)
class SelectiveCopying(Task):
    """Task with `items` tokens 2 to V - 1 at random positions, noise (token 0) elsewhere, then `items` times
    1.

    At each 1 the next item is predicted.  The publication uses length 4096, 16 items and 16 tokens.  Tag
    "distance": tokens since the item.  Raises ValueError for settings out of range.
    """

    name: ClassVar[str] = "selective-copying"
    source: ClassVar[str] = "Gu & Dao 2023, arXiv 2312.00752"

    length: int = 48
    items: int = 8
    tokens: int = 16

    def __post_init__(self) -> None:
        self.check(tokens=(3, 2**31), items=(1, self.length // 2))

    @property
    def vocabulary(self) -> int:
        return self.tokens

    def make(self, count: int, rng: np.random.Generator) -> Batch:
        room, rows = self.length - self.items, np.arange(count)[:, None]
        at = np.sort(rng.random((count, room)).argsort(1)[:, : self.items], 1)
        items = rng.integers(2, self.tokens, (count, self.items))
        tokens = np.full((count, self.length), NOISE, np.int64)
        tokens[rows, at] = items
        tokens[:, room:] = ASK
        targets, distance = np.full_like(tokens, IGNORE), np.zeros_like(tokens)
        targets[:, room:] = items
        distance[:, room:] = np.arange(room, self.length) - at
        return as_batch(tokens, targets, distance=distance)
