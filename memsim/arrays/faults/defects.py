"""What of an array's devices and lines is faulty, by chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Defects:
    """Faulty devices and lines of one layer's arrays, each a tensor (S,) of shares or numbers for each chip.

    A device is faulty that is stuck, corrupt, or on an open line.
    """

    devices: int  #: in use on one chip
    before_S: Tensor  #: share of faulty ones among them, were no spare used [1]
    after_S: Tensor  #: share of faulty ones in use [1]
    word_lines_S: Tensor  #: share of open word lines, spares not among them [1]
    bit_lines_S: Tensor  #: likewise of bit lines [1]
    rows_S: Tensor  #: rows that a spare took the place of
    columns_S: Tensor  #: likewise columns

    @property
    def summary(self) -> dict[str, Any]:
        """Means over chips, by name with unit."""
        return {
            "devices": self.devices,
            "faulty [1]": float(self.before_S.mean()),
            "faulty after repair [1]": float(self.after_S.mean()),
            "dead word lines [1]": float(self.word_lines_S.mean()),
            "dead bit lines [1]": float(self.bit_lines_S.mean()),
            "replaced rows": float(self.rows_S.mean()),
            "replaced columns": float(self.columns_S.mean()),
        }


def together(several: Sequence[Defects]) -> Defects | None:
    """Return what is faulty of several arrays of a layer: shares in the mean over their devices; None of
    none.
    """
    if not several:
        return None
    devices = sum(one.devices for one in several)
    shares, numbers = ("before_S", "after_S", "word_lines_S", "bit_lines_S"), ("rows_S", "columns_S")
    means = {
        name: torch.stack([getattr(one, name) * (one.devices / devices) for one in several]).sum(0)
        for name in shares
    }
    sums = {name: torch.stack([getattr(one, name) for one in several]).sum(0) for name in numbers}
    return Defects(devices, **means, **sums)


def share_by_chip(faulty: Tensor, chips: int, count: int | None = None) -> Tensor:
    """Return the share that is set for each chip, of a mask whose first axis is chip-major.

    count: places of a chip, where the mask holds others beside them, which are not set (default: all).
    """
    each = faulty.reshape(chips, -1)
    return each.sum(1, dtype=torch.float64) / (each.shape[1] if count is None else count)
