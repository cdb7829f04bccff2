"""Induction: the last token has occurred before; the token that followed it then is to be predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memsim.models.sequences.registry import task
from memsim.models.sequences.task import IGNORE, Batch, Task, as_batch, distinct


@task
@dataclass(frozen=True, kw_only=True)
class Induction(Task):
    """Task with random distinct tokens followed by a repetition of one of them (Olsson et al. 2022).

    Tag "distance": number of tokens between the answer and the end.  Raises ValueError for a length outside 3
    to `tokens` + 1.
    """

    name: ClassVar[str] = "induction"
    source: ClassVar[str] = "Olsson et al. 2022, arXiv 2209.11895"

    length: int = 32
    tokens: int = 64

    def __post_init__(self) -> None:
        self.check(length=(3, self.tokens + 1))

    @property
    def vocabulary(self) -> int:
        return self.tokens

    def make(self, count: int, rng: np.random.Generator) -> Batch:
        tokens = np.empty((count, self.length), np.int64)
        tokens[:, :-1] = distinct(rng, count, 0, self.tokens, self.length - 1)
        at, rows = rng.integers(0, self.length - 2, count), np.arange(count)
        tokens[:, -1] = tokens[rows, at]
        targets, distance = np.full_like(tokens, IGNORE), np.zeros_like(tokens)
        targets[:, -1] = tokens[rows, at + 1]
        distance[:, -1] = self.length - 2 - at
        return as_batch(tokens, targets, distance=distance)
