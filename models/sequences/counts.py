"""The control of mixers that learn in context: counts of what followed the last symbols before."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import torch
from torch import Tensor


def counted(tokens: Tensor, symbols: int, vocabulary: int) -> Tensor:
    """Predict each next token (B, T) as the most frequent follower of the last `symbols` tokens until now.

    Contexts not seen before fall back on shorter ones, down to the commonest token; of equal counts the
    smallest token is taken, and 0 at the first.
    """
    if symbols < 0 or vocabulary < 1:
        raise ValueError(f"symbols = {symbols}, vocabulary = {vocabulary}: 0 and 1 or more are needed")
    return torch.tensor(np.array([_one(row.tolist(), symbols, vocabulary) for row in tokens]))


def _one(row: list[int], symbols: int, vocabulary: int) -> list[int]:
    followers: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    predicted = []
    for t, token in enumerate(row):
        for n in range(min(symbols, t) + 1):
            followers[tuple(row[t - n : t])][token] += 1
        for n in range(min(symbols, t + 1), -1, -1):
            found = followers.get(tuple(row[t + 1 - n : t + 1]))
            if found:
                predicted.append(max(sorted(found), key=found.__getitem__))
                break
    return predicted
