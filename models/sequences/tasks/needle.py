"""Needle in a haystack: the token after a mark among random tokens is to be predicted at the end.

Networks are trained on short sequences and tested on long ones.  It is the test that Mohtashami & Jaggi
(arXiv 2305.16300) and Kamradt (2023) use for language models, here without language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memsim.models.sequences.registry import task
from memsim.models.sequences.task import IGNORE, Batch, Task, as_batch

MARK = 0


@task
@dataclass(frozen=True, kw_only=True)
class Needle(Task):
    """Task with random tokens 1 to V - 1, the mark 0 followed by the answer, and the mark again at the end.

    The answer is one of the random tokens, so only the mark distinguishes it.  The length of each batch is
    drawn from `shortest` to `length`.  Tag "distance": tokens between the answer and the end.  Raises
    ValueError for settings out of range.
    """

    name: ClassVar[str] = "needle"
    source: ClassVar[str] = "Mohtashami & Jaggi 2023, arXiv 2305.16300 (passkey)"

    length: int = 32
    shortest: int = 16
    tokens: int = 64

    def __post_init__(self) -> None:
        self.check(tokens=(3, 2**31), shortest=(3, 2**31))
        if self.length < self.shortest:
            raise ValueError(f"needle: length = {self.length} is below shortest = {self.shortest}")

    @property
    def vocabulary(self) -> int:
        return self.tokens

    def make(self, count: int, rng: np.random.Generator) -> Batch:
        length = int(rng.integers(self.shortest, self.length + 1))
        tokens = rng.integers(1, self.tokens, (count, length))
        at, rows = rng.integers(0, length - 2, count), np.arange(count)
        tokens[rows, at] = tokens[:, -1] = MARK
        targets, distance = np.full_like(tokens, IGNORE), np.zeros_like(tokens)
        targets[:, -1] = tokens[rows, at + 1]
        distance[:, -1] = length - 2 - at
        return as_batch(tokens, targets, distance=distance)
