"""The matrix that an array holds, taken from a learned parameter: G blocks of R rows and C columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Form = Literal["linear", "convolution", "transposed", "bilinear"]


@dataclass(frozen=True)
class Matrix:
    """How a parameter becomes the blocks (G, R, C) of an array.

    linear: (C, R);  convolution: (C_out, C_in / G, *kernel), a row for each value under the kernel;
    transposed: (C_in, C_out / G, *kernel), a row for each input channel;  bilinear: (O, I, R), a column for
    each of O x I.  start, stop: rows of the parameter's
    first axis, where several matrices stand in one parameter (default: all).
    """

    parameter: str = "weight"
    form: Form = "linear"
    groups: int = 1
    start: int = 0
    stop: int | None = None
    bias: str | None = None  #: parameter (columns,) that is added to what is read, where an array may hold it

    def part(self, weight: Tensor) -> Tensor:
        """Return the rows of the parameter that are this matrix."""
        whole = self.start == 0 and self.stop is None
        return weight if whole else weight[self.start : self.stop]

    def blocks(self, weight: Tensor) -> Tensor:
        """Return the blocks (G, R, C) of the parameter's value; a view where it can be one."""
        part = self.part(weight)
        if self.form == "bilinear":
            return part.flatten(0, 1).T[None]
        by_group = part.unflatten(0, (self.groups, -1)).flatten(2)
        return by_group if self.form == "transposed" else by_group.transpose(1, 2)

    def shape(self, weight: Tensor) -> tuple[int, int, int]:
        """G, R, C."""
        if self.form == "bilinear":
            return 1, weight.shape[2], weight.shape[0] * weight.shape[1]
        stop = weight.shape[0] if self.stop is None else self.stop
        first = (stop - self.start) // self.groups
        other = math.prod(weight.shape[1:])
        return (self.groups, first, other) if self.form == "transposed" else (self.groups, other, first)
