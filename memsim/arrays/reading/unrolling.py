"""A convolution unrolled: which value of an image drives which word line at which output pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn


class Reach(NamedTuple):
    """Value f of an image's first channel drives row[e] at position[e] for e from start[f] to start[f + 1].

    int32 (F / C + 1,), (E,), uint32 (E,); all empty where each value drives one row at one position.
    """

    start: np.ndarray
    position: np.ndarray
    row: np.ndarray


AS_THEY_LIE = Reach(np.empty(0, np.int32), np.empty(0, np.uint32), np.empty(0, np.uint32))


@dataclass(frozen=True, eq=False)
class Unrolling:
    """The output pixels of a convolution and the rows it drives there: index (P, k k) says which value of a
    channel drives a row, -1 the border; channel c drives the rows from c k k on.
    """

    index: Tensor
    channels: int
    plane: int  #: values of a channel

    @property
    def positions(self) -> int:
        """Output pixels, P."""
        return len(self.index)

    @cached_property
    def reach(self) -> Reach:
        """The same, value by value."""
        by_row = self.index.numpy().T.reshape(-1)
        order = np.argsort(by_row, kind="stable")  # of one value: rows in their order
        start = np.searchsorted(by_row[order], np.arange(self.plane + 1))
        row, position = np.divmod(order, self.positions)
        return Reach(start.astype(np.int32), position.astype(np.uint32), row.astype(np.uint32))

    def vectors(self, x: Tensor) -> Tensor:
        """x (..., C plane) -> (..., P, C k k), 0 at the border."""
        padded = nn.functional.pad(x.unflatten(-1, (self.channels, self.plane)), (0, 1))  # -1 finds the zero
        return padded[..., self.index].transpose(-3, -2).flatten(-2)


@lru_cache(maxsize=64)
def unrolling(shape: tuple[int, ...], kernel: Any, dilation: Any, padding: Any, stride: Any) -> Unrolling:
    """The unrolling of a convolution over images (C, h, w)."""
    plane = math.prod(shape[1:])
    image = torch.arange(1, 1 + plane, dtype=torch.float64).view(1, 1, *shape[1:])
    patches = nn.functional.unfold(image, kernel, dilation, padding, stride)[0]
    return Unrolling((patches.T - 1).long(), shape[0], plane)
