"""The interface of the devices of line arrays: lines are written, and reads see them as shares of their
range.

A share is a number divided by the largest one that a cell represents, from -1 to 1.
Shapes: chips S, heads H, sequences B, readers R, lines N (those that are requested), columns C.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

CALL = 1 << 16  #: random numbers are reserved for this many tokens or reads of one context


class Shown(NamedTuple):
    """State of lines as a read sees it: the number and the total conductance of each cell."""

    share: Tensor  #: numbers as shares of the largest one (S, H, B, N, C) [1]
    siemens: Tensor  #: sum of the conductances of all devices of a cell, same shape [S]
    unrest: Tensor | None = None
    """Variance of the share by fluctuations that are drawn anew in every read, same shape; None: there are
    none.
    """

    def each(self, change: Callable[[Tensor], Tensor]) -> Shown:
        """Return the result of applying `change`, such as a selection of columns, to each tensor."""
        return Shown(*(None if x is None else change(x) for x in self))  # type: ignore[arg-type]


class LineCells(ABC):
    """Devices of one memory on every chip.

    Their random numbers are keyed by chip, head, sequence, line and token.
    """

    @property
    @abstractmethod
    def one(self) -> float:
        """Conductance difference between the two sides of a cell at a share of 1 [S]."""

    @abstractmethod
    def begin(self, images: np.ndarray, call: int) -> None:
        """Begin an empty context for sequences with these identifiers.

        call: number of the context, if the network uses the memory several times in one pass.
        """

    @abstractmethod
    def write(self, rows: Sequence[int], share: Tensor, tokens: Sequence[int]) -> float:
        """Write shares (S, H, B, R, C) from -1 to 1 into lines `rows` of the array.

        Returns the number of pulses sent; 0 for cells that are not written by pulses.
        """

    @abstractmethod
    def show(self, rows: Sequence[int], ages: np.ndarray) -> Shown:
        """Return the state of these lines close to the ages (N,) [s]; `since` corrects for the difference."""

    @abstractmethod
    def variance(self, drive: Tensor, shown: Shown) -> Tensor | None:
        """Return the variance of one read of each column (S, H, B, R, C), in units of shares squared.

        drive: voltages of the lines (S, H, B, R, N) divided by the read voltage.  For a transposed read,
        which drives columns and senses lines, both tensors are transposed.  None: reads have no noise.
        """

    def gain(self, ages: Tensor) -> Tensor:
        """Return the mean factor [1] by which a number has decayed at each age [s], float64, shape of
        ages.
        """
        return torch.ones_like(ages, dtype=torch.float64)

    def since(self, rows: Sequence[int], ages: Tensor) -> Tensor | None:
        """Return the mean factor [1] by which lines have decayed between `show` and the ages (R, N) [s].

        None: there is no decay.
        """
        return None

    @property
    def pace(self) -> float:
        """Time for which one `show` of new lines is accurate enough [s]; inf: lines do not age."""
        return float("inf")


AT_ONCE = 2**19
"""Numbers that are computed at once: few enough for a processor's cache."""


def in_groups(chips: int, numbers: int) -> Iterator[slice]:
    """Yield slices of chips that hold at most AT_ONCE numbers together, or one chip.

    numbers: numbers of one chip.
    """
    together = max(1, AT_ONCE // max(1, numbers))
    for first in range(0, chips, together):
        yield slice(first, min(first + together, chips))


def put_rows(x: Tensor, rows: Sequence[int], values: Tensor) -> None:
    """Write values into the lines `rows` of x (S, H, B, N, ...)."""
    x[:, :, :, _places(rows)] = values


def of_rows(x: Tensor, rows: Sequence[int]) -> Tensor:
    """Return the lines `rows` of x (S, H, B, N, ...); a view if the rows are contiguous."""
    return x[:, :, :, _places(rows)]


def _places(rows: Sequence[int]) -> slice | Tensor:
    """Return rows as a slice if they are contiguous, which is faster, and else as a tensor."""
    first, count = rows[0] if len(rows) else 0, len(rows)
    if list(rows) == list(range(first, first + count)):
        return slice(first, first + count)
    return torch.as_tensor(list(rows))
