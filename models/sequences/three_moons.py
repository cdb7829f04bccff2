"""The three-moons task: three rotating points, observed together, are to be predicted (arXiv 2405.06394).

    x_t = (cos, sin)(2 pi t / (P_m rate) + phase_m),  m = 1, 2, 3

The periods P_m are three of 0.5, 1, ..., 3.5 units of time.  A model that represents the three points
separately can predict after the longest period, any other only after the least common multiple of the
periods.  The data are real numbers, not tokens, so this is not a `Task`.
"""

from __future__ import annotations

from itertools import combinations
from math import lcm

import numpy as np
import torch
from torch import Tensor

RATE = 44.4
"""Samples per unit of time."""


def periods() -> list[tuple[float, float, float]]:
    """Return the nine triples of periods with the smallest common multiples, in units of time.

    They are ordered by their common multiple, then by their periods.  The last one never occurs in training.
    """
    triples = sorted(combinations(range(1, 8), 3), key=lambda triple: (lcm(*triple), triple))
    return [(a / 2, b / 2, c / 2) for a, b, c in triples[:9]]


def three_moons(count: int, seed: int, *, length: int = 800, held_out: bool = False) -> tuple[Tensor, Tensor]:
    """Draw `count` sequences (count, length, 6), float32, and their periods (count, 3) in units of time.

    held_out: use the triple of periods that never occurs in training, instead of the other eight.
    """
    rng = np.random.default_rng([seed, held_out])
    known = np.array(periods())
    chosen = np.broadcast_to(known[-1], (count, 3)) if held_out else known[rng.integers(0, 8, count)]
    phase = rng.random((count, 1, 3)) * 2 * np.pi
    angle = 2 * np.pi * np.arange(length)[None, :, None] / (chosen[:, None] * RATE) + phase
    x = np.stack([np.cos(angle), np.sin(angle)], -1).reshape(count, length, 6)
    return torch.from_numpy(x).float(), torch.from_numpy(chosen.copy())
