"""Digital factors against drift: mean |G+ - G-| after the last write over that of now.

Of the whole layer or of each column: aihwkit's GlobalDriftCompensation and PerColumnDriftCompensation.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def factors(kind: str, before: Mapping[str, Tensor], now: Mapping[str, Tensor], one: Tensor) -> Tensor:
    """Return the factor of each chip, (S, 1), or of each chip and column, (S, G C).

    before, now: means [S] by `kind`; `one` (S, 1) where nothing is compensated or nothing is left to go by.
    """
    if kind == "none":
        return one
    reference, mean = before[kind], now[kind]
    return torch.where((reference > 0) & (mean > 0), reference / mean, torch.ones_like(mean))
