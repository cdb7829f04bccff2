"""Functions of the drive voltages on which the noise of a read depends."""

from __future__ import annotations

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics.compile import match_threads, parallel_kernel
from memsim.devices.numerics.operation import operation


@operation
def drive_powers(x: Tensor, square: float, linear: float, driven: float) -> tuple[Tensor, Tensor]:
    """Return x^2 and square x^2 + linear |x| + driven [x != 0], both of the shape of x.

    x is a drive divided by the read voltage.  square, linear and driven are the coefficients of noise that
    depends on the square of the drive, on its magnitude, and on whether a line is driven at all.
    """
    squares = x.square()
    return squares, square * squares + linear * x.abs() + driven * (x != 0)


@drive_powers.kernel("cpu", torch.float32)
def _(x: Tensor, square: float, linear: float, driven: float) -> tuple[Tensor, Tensor]:
    squares, carried = (np.empty(x.shape, np.float32) for _ in range(2))
    match_threads()
    numbers = x.contiguous().numpy().reshape(-1, x.shape[-1] if x.numel() else 1)
    parts = (part.reshape(numbers.shape) for part in (squares, carried))
    _powers(numbers, np.float32(square), np.float32(linear), np.float32(driven), *parts)
    return torch.from_numpy(squares), torch.from_numpy(carried)


@parallel_kernel
def _powers(x, square, linear, driven, squares, carried):
    """Fill squares and carried, both of the shape of x (rows, n), with the two results of `drive_powers`."""
    for row in prange(len(x)):
        numbers, first, second = x[row], squares[row], carried[row]
        for n in range(len(numbers)):
            number = numbers[n]
            first[n] = number * number
            second[n] = square * (number * number) + linear * abs(number) + driven * np.float32(number != 0)
