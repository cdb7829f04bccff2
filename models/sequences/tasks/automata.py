"""A random automaton for each sequence, learned while it is read (RegBench, arXiv 2401.12973).

Every state has one to three edges to other states, each with a symbol of its own; words are walks from the
first state, with a bar between words.  A predicted symbol counts where an edge of the present state has it.
The published automata are minimised, which changes none of their words: it is left out.
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
    """4 to 12 states, at most 18 symbols (tokens 1 .. 18), words of 1 to `longest` symbols; the bar is 0.

    Published: words of up to 49 symbols, 10 to 19 of them.  Here sequences are cut at `length` tokens.  What
    follows a bar's place by chance (the end of a word) is not asked for.
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
        """Fill one sequence: its tokens, and the symbols that were legal at each."""
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
    """Draw edges (states, symbols): the next state, or -1 without an edge; none leads to its own state."""
    states = int(rng.integers(4, 13))
    own = rng.permutation(symbols)[: int(rng.integers(4, symbols + 1)) if symbols > 4 else symbols]
    edges = np.full((states, symbols), -1)
    for state in range(states):
        others = np.delete(np.arange(states), state)
        number = int(rng.integers(1, min(4, len(own) + 1)))
        edges[state, rng.choice(own, number, replace=False)] = rng.choice(others, number, replace=False)
    return edges
