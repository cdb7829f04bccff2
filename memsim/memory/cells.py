"""Devices of line arrays, whatever they are: written some lines at a time, shown as shares of their range.

Shapes: chips S, heads H, sequences B, readers R, lines N (those that are asked for), columns C.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

CALL = 1 << 16  #: tokens or reads of one context


class Shown(NamedTuple):
    """What reads see of lines: numbers in shares of the largest one, and siemens of all devices of a cell."""

    share: Tensor  #: (S, H, B, N, C) [1]
    siemens: Tensor  #: the same shape [S]
    unrest: Tensor | None = None
    """Variance of the share that is new in every read, the same shape; None: nothing is."""

    def each(self, change: Callable[[Tensor], Tensor]) -> Shown:
        """The same for other views of the tensors, such as some columns."""
        return Shown(*(None if x is None else change(x) for x in self))  # type: ignore[arg-type]


class LineCells(ABC):
    """The devices of one memory on every chip.  Their random numbers are named by chip, head, sequence, line
    and token.
    """

    @property
    @abstractmethod
    def one(self) -> float:
        """Difference of the two sides of a cell at the largest number, as `Shown` has both [S]."""

    @abstractmethod
    def begin(self, images: np.ndarray, call: int) -> None:
        """Begin an empty context of sequences of these names; call: which of several in one pass."""

    @abstractmethod
    def write(self, rows: Sequence[int], share: Tensor, tokens: Sequence[int]) -> float:
        """Write lines `rows` of the array with shares (S, H, B, R, C) in -1 .. 1; returns pulses, or 0."""

    @abstractmethod
    def show(self, rows: Sequence[int], ages: np.ndarray) -> Shown:
        """What reads see of these lines, near these ages (N,) [s]; `since` tells how near."""

    @abstractmethod
    def variance(self, drive: Tensor, shown: Shown) -> Tensor | None:
        """Variance of one read of each column, in shares squared (S, H, B, R, C), where lines are driven.

        drive (S, H, B, R, N) in shares of the read voltage; the transposed read takes transposed tensors.
        None: reads are noiseless.
        """

    def gain(self, ages: Tensor) -> Tensor:
        """Mean of what is left of a number at each age, float64, of the shape of ages [1]."""
        return torch.ones_like(ages, dtype=torch.float64)

    def since(self, rows: Sequence[int], ages: Tensor) -> Tensor | None:
        """What lines have lost in the mean since they were shown last, at ages (R, N) [1]; None: nothing."""
        return None

    @property
    def pace(self) -> float:
        """Time in which new lines age so little that they are shown once [s]; inf: they do not age."""
        return float("inf")


def of_rows(x: Tensor, rows: Sequence[int]) -> Tensor:
    """Lines of x (S, H, B, N, ...), a view where rows follow one another."""
    first, count = rows[0] if len(rows) else 0, len(rows)
    if list(rows) == list(range(first, first + count)):
        return x[:, :, :, first : first + count]
    return x[:, :, :, torch.as_tensor(list(rows))]
