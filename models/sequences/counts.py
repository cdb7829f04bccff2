"""An n-gram baseline for in-context learning: predictions from counts within the same sequence."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import torch
from torch import Tensor


def counted(tokens: Tensor, symbols: int, vocabulary: int) -> Tensor:
    """Predict the token after each position as the most frequent successor of the last `symbols` tokens.

    tokens (B, T) -> predictions (B, T).  Only the part of the sequence up to the position is counted.  For a
    context that has not occurred before, shorter contexts are used, down to the most frequent token; ties go
    to the smallest token.  Raises ValueError for symbols below 0 or a vocabulary below 1.
    """
    if symbols < 0 or vocabulary < 1:
        raise ValueError(
            f"symbols = {symbols}, vocabulary = {vocabulary}: symbols must be 0 or more, vocabulary 1 or more"
        )
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
