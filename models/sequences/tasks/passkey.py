"""Passkey retrieval: a five-digit number within filler sentences is to be predicted at the end.

The sentences are those of Mohtashami & Jaggi (arXiv 2305.16300); tokens are characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memsim.models.sequences.registry import task
from memsim.models.sequences.task import IGNORE, Batch, Task, as_batch

FILLER = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again. "
TELL, ASK = "The pass key is {}. Remember it. ", "What is the pass key? The pass key is {}."
CHARACTERS = "".join(sorted(set(FILLER + TELL + ASK + "0123456789") - set("{}")))
DEPTHS = 10


@task
@dataclass(frozen=True, kw_only=True)
class Passkey(Task):
    """Task with texts of `length` characters, in which the five digits are predicted one after another.

    Tag "depth": position of the key, as the tenth of the filler text before which it stands, 0 to 9.  Raises
    ValueError for a length too short for the fixed sentences.
    """

    name: ClassVar[str] = "passkey"
    source: ClassVar[str] = "Mohtashami & Jaggi 2023, arXiv 2305.16300"

    length: int = 256

    def __post_init__(self) -> None:
        self.check(length=(self._fixed + DEPTHS, 2**31))

    @property
    def _fixed(self) -> int:
        """Number of characters that are not filler; the final full stop is not an input."""
        return len(TELL.format("00000")) + len(ASK.format("00000")) - 1

    @property
    def vocabulary(self) -> int:
        return len(CHARACTERS)

    def make(self, count: int, rng: np.random.Generator) -> Batch:
        room = self.length - self._fixed
        filler = (FILLER * (room // len(FILLER) + 1))[:room]
        depths = rng.integers(0, DEPTHS, count)
        digits = rng.integers(0, 10**5, count)
        texts = []
        for depth, number in zip(depths, digits, strict=True):
            at, key = room * int(depth) // DEPTHS, f"{number:05d}"
            texts.append(filler[:at] + TELL.format(key) + filler[at:] + ASK.format(key))
        ids = np.array([[CHARACTERS.index(c) for c in text] for text in texts])
        tokens, following = ids[:, :-1].copy(), ids[:, 1:]
        targets, depth = np.full_like(tokens, IGNORE), np.zeros_like(tokens)
        targets[:, -6:-1] = following[:, -6:-1]
        depth[:, -6:-1] = depths[:, None]
        return as_batch(tokens, targets, depth=depth)
