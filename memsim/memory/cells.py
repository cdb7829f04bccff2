"""Devices of line arrays, whatever they are: written line by line, shown as shares of their range.

Shapes: chips S, heads H, sequences B, lines N (those that are asked for), columns C.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Shown(NamedTuple):
    """What reads see of lines: numbers in shares of the largest one, and siemens of all devices of a cell."""

    share: Tensor  #: (S, H, B, N, C) [1]
    siemens: Tensor  #: the same shape [S]


class LineCells(ABC):
    """The devices of one memory on every chip.  Their random numbers are named by chip, head, sequence, line
    and token.
    """

    @abstractmethod
    def write(self, row: int, share: Tensor, images: np.ndarray, token: int) -> float:
        """Write the line `row` of the array with shares (S, H, B, C) in -1 .. 1; returns pulses, or 0."""

    @abstractmethod
    def show(self, rows: Sequence[int], ages: Sequence[float]) -> Shown:
        """What reads see of these lines at these ages [s]."""

    @abstractmethod
    def variance(self, drive: Tensor, shown: Shown) -> Tensor | None:
        """Variance of one read of each column, in shares squared (..., C), where lines are driven.

        drive (S, H, B, N, 1) in shares of the read voltage; the transposed read takes transposed tensors.
        None: reads are noiseless.
        """

    def gain(self, ages: Sequence[float]) -> Tensor:
        """Mean of what is left of a number at each age, float64 (N,) [1]."""
        return torch.ones(len(ages), dtype=torch.float64)
