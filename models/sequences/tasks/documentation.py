"""Character-level language modelling of Python's documentation, which is part of every installation.

The module `pydoc_data.topics` (PSF licence) has about 465,000 characters on Python 3.11.  Text and losses
depend on the version of Python.  Every tenth topic in the order of their names is test data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from memsim.models.sequences.registry import task
from memsim.models.sequences.task import Batch, Task, as_batch, check_sample


@lru_cache(maxsize=1)
def corpus() -> tuple[str, np.ndarray, np.ndarray]:
    """Return the characters in use, the training text and the test text, the latter two as indices."""
    from pydoc_data.topics import topics

    texts = [topics[name] for name in sorted(topics)]
    characters = "".join(sorted(set("".join(texts))))
    number = {c: n for n, c in enumerate(characters)}
    parts = ["".join(t for n, t in enumerate(texts) if (n % 10 == 9) == test) for test in (False, True)]
    train, test = (np.array([number[c] for c in part]) for part in parts)
    return characters, train, test


@task
@dataclass(frozen=True, kw_only=True)
class Documentation(Task):
    """Task with windows of `length` characters (1 to 4096) at random places; every next character is
    predicted.

    Raises ValueError for another length.
    """

    name: ClassVar[str] = "documentation"
    source: ClassVar[str] = "Python's pydoc_data.topics, PSF licence"

    length: int = 128

    def __post_init__(self) -> None:
        self.check(length=(1, 4096))

    @property
    def vocabulary(self) -> int:
        return len(corpus()[0])

    def sample(self, count: int, seed: int, part: str = "train", number: int = 0) -> Batch:
        check_sample(count, part)
        _, train, test = corpus()
        text = test if part == "test" else train
        return self._windows(text, count, np.random.default_rng([seed, part == "test", number]))

    def make(self, count: int, rng: np.random.Generator) -> Batch:
        return self._windows(corpus()[1], count, rng)

    def _windows(self, text: np.ndarray, count: int, rng: np.random.Generator) -> Batch:
        first = rng.integers(0, len(text) - self.length, count)
        window = text[first[:, None] + np.arange(self.length + 1)]
        return as_batch(window[:, :-1].copy(), window[:, 1:].copy())
