"""Digital factors against what all devices of a layer, or of a column, have lost in common.

Reference "written": mean |G+ - G-| after the last write over that of now, aihwkit's GlobalDriftCompensation
and PerColumnDriftCompensation. Reference "weights": w the currents that the weights ask for and g those read,
row by row,

    factor = sum w^2 / sum w g

which is 1 / a where g = a w + errors that have nothing to do with w: so lines, faults and the mean error of
writing are undone as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from memsim.arrays.kernels.pair_sums import row_sums


def factors(kind: str, before: Mapping[str, Tensor], now: Mapping[str, Tensor], one: Tensor) -> Tensor:
    """Return the factor of each chip, (S, 1), or of each chip and column, (S, G C).

    before, now: means [S], or products [S^2], by `kind`; `one` (S, 1) where nothing is compensated or nothing
    is left to go by.
    """
    if kind == "none":
        return one
    reference, mean = before[kind], now[kind]
    return torch.where((reference > 0) & (mean > 0), reference / mean, torch.ones_like(mean))


def products(wanted_GRC: Tensor, seen_SRC: Tensor) -> dict[str, Tensor]:
    """Return sum w g of each chip's layer, (S, 1), and of its columns, (S, G C) [S^2].

    seen: of G groups a chip (S G, R, C); with `seen` = `wanted` these are the sums of squares.
    """
    many = len(wanted_GRC)
    product = wanted_GRC.to(seen_SRC.dtype) * seen_SRC.unflatten(0, (-1, many))
    column = row_sums(product.flatten(0, 1).transpose(1, 2).contiguous()).view(-1, many * seen_SRC.shape[2])
    return {"global": column.sum(1, keepdim=True).to(seen_SRC), "column": column.to(seen_SRC)}
