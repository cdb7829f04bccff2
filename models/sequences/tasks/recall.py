"""Associative recall: pairs of key and value, then each key again, whose newest value is to be predicted.

`mqar`: every key is written once (multi-query associative recall of Arora et al., arXiv 2312.04927, with the
settings and gaps of HazyResearch/zoology).  `last-write-wins`: some keys are written again (the forgetting
variant of zoology; MQRAR of stick-breaking attention, arXiv 2410.17980).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memsim.models.sequences.registry import task
from memsim.models.sequences.task import IGNORE, Batch, Task, as_batch, distinct

POWER = 0.01
"""Gaps g between pairs and queries are drawn with a probability proportional to g^(POWER - 1)."""


@dataclass(frozen=True, kw_only=True)
class Recall(Task):
    """Recall task with keys 1 to V/2 - 1 and values V/2 to V - 1; the answer is predicted at the repeated
    key.

    All other positions hold random tokens.  Tags: "distance", tokens since the newest write of the key, and
    "writes", how often the key was written.  Raises ValueError if pairs and queries do not fit.
    """

    length: int = 32  #: number of tokens L of a sequence
    pairs: int = 6  #: number of keys of a sequence
    again: int = 0  #: number of additional writes to random keys
    tokens: int = 64  #: vocabulary V

    def __post_init__(self) -> None:
        self.check(pairs=(1, self.tokens // 2 - 1), again=(0, self.tokens // 2 - self.pairs))
        least = 2 * (self.pairs + self.again) + 2 * self.pairs
        if self.length < least:
            raise ValueError(
                f"{self.name}: length = {self.length}: {self.pairs + self.again} writes and"
                f" {self.pairs} queries need {least} tokens or more"
            )

    @property
    def vocabulary(self) -> int:
        return self.tokens

    def make(self, count: int, rng: np.random.Generator) -> Batch:
        half, writes = self.tokens // 2, self.pairs + self.again
        rows = np.arange(count)[:, None]
        keys = distinct(rng, count, 1, half, self.pairs)
        written = np.concatenate([np.tile(np.arange(self.pairs), (count, 1)),
                                  rng.integers(0, self.pairs, (count, self.again))], 1)  # fmt: skip
        written = np.take_along_axis(written, rng.random((count, writes)).argsort(1), 1)
        values = distinct(rng, count, half, self.tokens, writes)
        newest, times = _newest(written, self.pairs)
        tokens = rng.integers(0, self.tokens, (count, self.length))
        tokens[:, 0 : 2 * writes : 2] = keys[rows, written]
        tokens[:, 1 : 2 * writes : 2] = values
        at = 2 * writes + 2 * self._gaps(count, rng)
        tokens[rows, at] = keys
        targets, distance, number = (np.full_like(tokens, fill) for fill in (IGNORE, 0, 0))
        targets[rows, at] = values[rows, newest]
        distance[rows, at] = at - (2 * newest + 1)
        number[rows, at] = times
        return as_batch(tokens, targets, distance=distance, writes=number)

    def _gaps(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return distinct positions of the queries (count, pairs); early ones are more frequent."""
        places = (self.length - 2 * (self.pairs + self.again)) // 2
        chance = np.arange(1, places + 1) ** (POWER - 1)
        order = (
            np.log(rng.random((count, places))) / chance
        )  # the largest ones are a sample without replacement
        return (-order).argsort(1)[:, : self.pairs]


def _newest(written: np.ndarray, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of the newest write of each key and the number of its writes, (B, pairs) each.

    written (B, writes): the key of each write.
    """
    is_key = written[:, None, :] == np.arange(pairs)[:, None]
    return written.shape[1] - 1 - is_key[..., ::-1].argmax(-1), is_key.sum(-1)


@task
@dataclass(frozen=True, kw_only=True)
class MQAR(Recall):
    """Recall in which every key is written once.

    The publication uses (L, pairs) = (64, 4), (128, 8) and (256, 16) at V = 8192.
    """

    name: ClassVar[str] = "mqar"
    source: ClassVar[str] = "Arora et al. 2023, arXiv 2312.04927"


@task
@dataclass(frozen=True, kw_only=True)
class LastWriteWins(Recall):
    """Recall in which three writes overwrite earlier values.

    A memory of lines keeps the old lines, so it must prefer the newest one with the same key.
    """

    name: ClassVar[str] = "last-write-wins"
    source: ClassVar[str] = "Tan et al. 2024, arXiv 2410.17980 (MQRAR)"

    again: int = 3
