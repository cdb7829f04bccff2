"""Recall by key: pairs of key and value, then each key once more, whose newest value is the answer.

`mqar`: every key is written once (multi-query associative recall: Arora et al., arXiv 2312.04927; settings
and gaps of HazyResearch/zoology).  `last-write-wins`: some keys are written again (zoology's forgetting
variant; stick-breaking's MQRAR, arXiv 2410.17980).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memsim.models.sequences.registry import task
from memsim.models.sequences.task import IGNORE, Batch, Task, as_batch, distinct

POWER = 0.01
"""Gaps g between pairs and queries are drawn in proportion to g^(POWER - 1)."""


@dataclass(frozen=True, kw_only=True)
class Recall(Task):
    """Keys are tokens 1 .. V/2 - 1, values V/2 .. V - 1; the value is asked for at its key's position.

    Free places hold random tokens.  Tags: "distance" in tokens since the newest write of the key, "writes" of
    it.  Raises ValueError where pairs and queries do not fit.
    """

    length: int = 32  #: tokens L of a sequence
    pairs: int = 6  #: keys of a sequence
    again: int = 0  #: further writes, of keys drawn at random
    tokens: int = 64  #: vocabulary V

    def __post_init__(self) -> None:
        self.check(pairs=(1, self.tokens // 2 - 1), again=(0, self.tokens // 2 - self.pairs))
        least = 2 * (self.pairs + self.again) + 2 * self.pairs
        if self.length < least:
            raise ValueError(
                f"{self.name}: length = {self.length}: {self.pairs + self.again} writes,"
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
        """Places of the queries (count, pairs), different ones, near ones more often."""
        places = (self.length - 2 * (self.pairs + self.again)) // 2
        chance = np.arange(1, places + 1) ** (POWER - 1)
        order = np.log(rng.random((count, places))) / chance  # the largest are a draw without replacement
        return (-order).argsort(1)[:, : self.pairs]


def _newest(written: np.ndarray, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """The newest write of each key and how many there are, (B, pairs) each, of keys by write (B, writes)."""
    is_key = written[:, None, :] == np.arange(pairs)[:, None]
    return written.shape[1] - 1 - is_key[..., ::-1].argmax(-1), is_key.sum(-1)


@task
@dataclass(frozen=True, kw_only=True)
class MQAR(Recall):
    """Every key is written once; published: (L, pairs) = (64, 4), (128, 8), (256, 16) at V = 8192."""

    name: ClassVar[str] = "mqar"
    source: ClassVar[str] = "Arora et al. 2023, arXiv 2312.04927"


@task
@dataclass(frozen=True, kw_only=True)
class LastWriteWins(Recall):
    """Three of six keys' writes are overwritten, which a memory of lines cannot undo: it has to prefer."""

    name: ClassVar[str] = "last-write-wins"
    source: ClassVar[str] = "Tan et al. 2024, arXiv 2410.17980 (MQRAR)"

    again: int = 3
