"""A convolution unrolled: which value of an image drives which word line at which output pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
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
    size: tuple[int, ...]  #: output pixels along each axis

    @cached_property
    def positions(self) -> int:
        """Output pixels, P."""
        return self.index.shape[0]

    @cached_property
    def inside(self) -> float:
        """Share of rows, over all output pixels, that see a value and no border [1]."""
        return float((self.index >= 0).double().mean())

    def of_group(self, groups: int) -> Unrolling:
        """Return the same for one of several groups of channels."""
        if groups == 1:
            return self
        return self._groups.setdefault(groups, replace(self, channels=self.channels // groups))

    @cached_property
    def _groups(self) -> dict[int, Unrolling]:
        return {}

    @cached_property
    def reach(self) -> Reach:
        """The same, value by value."""
        by_row = self.index.numpy().T.reshape(-1)
        order = np.argsort(by_row, kind="stable")  # of one value: rows in their order
        start = np.searchsorted(by_row[order], np.arange(self.plane + 1))
        row, position = np.divmod(order, self.positions)
        return Reach(start.astype(np.int32), position.astype(np.uint32), row.astype(np.uint32))

    @cached_property
    def taps(self) -> np.ndarray:
        """The index by row of a channel, (k k, P) int32, as the dense kernel takes it."""
        return np.ascontiguousarray(self.index.numpy().T, np.int32)

    def siemens_of_values(self, row_siemens_SR: Tensor) -> Tensor:
        """Return the sum of what the rows that each value of an image drives dissipate at 1 V, (S, R) ->
        (S, F).
        """
        reach = self.reach
        value = torch.from_numpy(np.repeat(np.arange(len(reach.start) - 1), np.diff(reach.start)))
        row = torch.from_numpy(reach.row[reach.start[0] :].astype(np.int64))  # those before see the border
        by_channel = row_siemens_SR.unflatten(-1, (self.channels, -1)).to("cpu", torch.float64)
        siemens = torch.zeros(*by_channel.shape[:2], self.plane, dtype=torch.float64)
        return siemens.index_add_(2, value, by_channel[:, :, row]).flatten(1)

    def vectors(self, x: Tensor) -> Tensor:
        """x (..., C plane) -> (..., P, C k k), 0 at the border."""
        padded = nn.functional.pad(x.unflatten(-1, (self.channels, self.plane)), (0, 1))  # -1 finds the zero
        return padded[..., self.index].transpose(-3, -2).flatten(-2)


@lru_cache(maxsize=64)
def unrolling(
    shape: tuple[int, ...], kernel: tuple[int, ...], dilation: Any, padding: Any, stride: Any
) -> Unrolling:
    """Return the unrolling of a convolution over images (C, *plane) in one, two or three dimensions.

    padding: numbers, "same" or "valid", as torch's convolutions take them.
    """
    plane = shape[1:]
    each = [
        _axis(n, k, _of(dilation, axis), _of(stride, axis), _of(padding, axis))
        for axis, (n, k) in enumerate(zip(plane, kernel, strict=True))
    ]
    index, inside = np.zeros((1, 1), np.int64), np.ones((1, 1), bool)
    for place, n in zip(each, plane, strict=True):  # places (outputs, taps) of this axis
        index = (index[:, None, :, None] * n + place.clip(0, n - 1)[None, :, None, :]).reshape(
            len(index) * len(place), -1
        )
        here = (place >= 0) & (place < n)
        inside = (inside[:, None, :, None] & here[None, :, None, :]).reshape(index.shape)
    size = tuple(len(place) for place in each)
    return Unrolling(torch.from_numpy(np.where(inside, index, -1)), shape[0], math.prod(plane), size)


def _of(value: Any, axis: int) -> Any:
    """Return what holds along one axis of a value for all axes, or for each."""
    return value if isinstance(value, (int, str)) else value[axis if len(value) > 1 else 0]


def _axis(n: int, kernel: int, dilation: int, stride: int, padding: int | str) -> np.ndarray:
    """Return where each tap of each output pixel lies along one axis, (outputs, taps); outside 0 .. n - 1:
    border.
    """
    reach = dilation * (kernel - 1)
    before, after = (reach // 2, reach - reach // 2) if padding == "same" else (padding, padding)
    before, after = (0, 0) if padding == "valid" else (int(before), int(after))
    starts = np.arange(0, n + before + after - reach, stride) - before
    return starts[:, None] + dilation * np.arange(kernel)
