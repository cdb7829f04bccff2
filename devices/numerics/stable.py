"""Logarithm, exponential and power whose bits depend on the value alone.

torch computes the ends of a tensor by other instructions than its middle, so a device's last bit would
depend on how many others stand beside it. Here every element takes the same scalar path, float32 or float64.
"""

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics.compile import match_threads, parallel_kernel


def log(x: Tensor) -> Tensor:
    """ln x, elementwise."""
    return _run(_log, x, 0.0)


def exp(x: Tensor) -> Tensor:
    """e^x, elementwise."""
    return _run(_exp, x, 0.0)


def power(x: Tensor, exponent: float) -> Tensor:
    """x^exponent, elementwise, for x >= 0."""
    return _run(_power, x, exponent)


def _run(kernel, x: Tensor, parameter: float) -> Tensor:
    source = x.detach().contiguous().numpy().reshape(-1)
    out = np.empty_like(source)
    match_threads()
    kernel(out, source, source.dtype.type(parameter))
    return torch.from_numpy(out).reshape(x.shape)


@parallel_kernel
def _log(out, x, _):
    for i in prange(x.size):
        out[i] = np.log(x[i])


@parallel_kernel
def _exp(out, x, _):
    for i in prange(x.size):
        out[i] = np.exp(x[i])


@parallel_kernel
def _power(out, x, exponent):
    for i in prange(x.size):
        out[i] = x[i] ** exponent
