"""In-context learning of regular languages: a random automaton for each sequence (RegBench, arXiv
2401.12973).

Every state has one to three edges to other states, each with a different symbol.  Words are walks from the
first state and are separated by a bar.  A predicted symbol is correct if an edge of the present state has it.
The published automata are minimised; this does not change their words and is omitted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from memsim.models.sequences.registry import task
from memsim.models.sequences.task import IGNORE, Batch, Task

BAR = 0


@task
@dataclass(frozen=True, kw_only=True)
class Automata(Task):
    """Task with automata of 4 to 12 states, tokens 1 to `symbols`, and words of 1 to `longest` symbols.

    Token 0 is the bar between words; it is not evaluated, because the end of a word is random.  The
    publication uses 10 to 19 words of up to 49 symbols; here sequences are cut at `length` tokens.  Raises
    ValueError for settings out of range.
    """

    name: ClassVar[str] = "automata"
    source: ClassVar[str] = "Akyürek et al. 2024, arXiv 2401.12973"

    length: int = 128
    longest: int = 19
    symbols: int = 18

    def __post_init__(self) -> None:
        self.check(length=(2, 2**31), longest=(1, 2**31), symbols=(3, 2**16))

    @property
    def vocabulary(self) -> int:
        return self.symbols + 1

    def make(self, count: int, rng: np.random.Generator) -> Batch:
        tokens = np.zeros((count, self.length + 1), np.int64)
        legal = np.zeros((count, self.length + 1, self.vocabulary), bool)
        for row in range(count):
            self._walk(automaton(rng, self.symbols), rng, tokens[row], legal[row])
        targets = np.where(tokens[:, 1:] == BAR, IGNORE, tokens[:, 1:])
        shown, following = torch.from_numpy(tokens[:, :-1].copy()), torch.from_numpy(targets)
        return Batch(shown, following, legal=torch.from_numpy(legal[:, 1:].copy()))

    def _walk(
        self, edges: np.ndarray, rng: np.random.Generator, tokens: np.ndarray, legal: np.ndarray
    ) -> None:
        """Fill the tokens of one sequence, and the tokens that were legal at each position."""
        state, left = 0, int(rng.integers(1, self.longest + 1))
        for t in range(len(tokens)):
            allowed = np.flatnonzero(edges[state] >= 0)
            if left == 0:
                state, left = 0, int(rng.integers(1, self.longest + 1))
                continue  # a bar, token 0
            symbol = int(rng.choice(allowed))
            tokens[t], legal[t, allowed + 1] = symbol + 1, True
            state, left = int(edges[state, symbol]), left - 1


def automaton(rng: np.random.Generator, symbols: int) -> np.ndarray:
    """Draw an automaton as a table (states, symbols) of the next state, -1 where there is no edge.

    No edge leads back to its own state.
    """
    states = int(rng.integers(4, 13))
    own = rng.permutation(symbols)[: int(rng.integers(4, symbols + 1)) if symbols > 4 else symbols]
    edges = np.full((states, symbols), -1)
    for state in range(states):
        others = np.delete(np.arange(states), state)
        number = int(rng.integers(1, min(4, len(own) + 1)))
        edges[state, rng.choice(own, number, replace=False)] = rng.choice(others, number, replace=False)
    return edges
