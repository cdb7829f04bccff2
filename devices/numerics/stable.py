"""Logarithm, exponential, power and square root whose bits depend on the value alone.

torch computes the ends of a tensor by other instructions than its middle, so a device's last bit would
depend on how many others stand beside it. On the CPU every element takes the same path: float32 the
polynomials of :mod:`memsim.devices.numerics.simd`, float64 the scalar functions. On other devices, and where
a gradient is asked for, torch's own functions stand in.
"""

from typing import Any

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics import simd
from memsim.devices.numerics.compile import match_threads, parallel_kernel
from memsim.devices.numerics.operation import operation

_REAL = (torch.float32, torch.float64)


@operation
def log(x: Tensor) -> Tensor:
    """ln x, elementwise."""
    return x.log()


@operation
def exp(x: Tensor) -> Tensor:
    """e^x, elementwise."""
    return x.exp()


@operation
def power(x: Tensor, exponent: float) -> Tensor:
    """x^exponent, elementwise, for x >= 0."""
    return x**exponent


@operation
def sqrt(x: Tensor) -> Tensor:
    """The square root, elementwise, rounded exactly, as torch's is not everywhere."""
    return x.sqrt()


@log.kernel("cpu", *_REAL)
def _(x: Tensor) -> Tensor:
    return _run({np.float32: _log32, np.float64: _log64}, x, 0.0)


@exp.kernel("cpu", *_REAL)
def _(x: Tensor) -> Tensor:
    return _run({np.float32: _exp32, np.float64: _exp64}, x, 0.0)


@power.kernel("cpu", *_REAL)
def _(x: Tensor, exponent: float) -> Tensor:
    return _run({np.float32: _power32, np.float64: _power64}, x, exponent)


@sqrt.kernel("cpu", *_REAL)
def _(x: Tensor) -> Tensor:
    return _run({np.float32: _sqrt, np.float64: _sqrt}, x, 0.0)


def _run(kernels: dict[Any, Any], x: Tensor, parameter: float) -> Tensor:
    source = x.detach().contiguous().numpy().reshape(-1)
    out = np.empty_like(source)
    match_threads()
    kernels[source.dtype.type](out, source, source.dtype.type(parameter))
    return torch.from_numpy(out).reshape(x.shape)


@parallel_kernel
def _log32(out, x, _):
    for i in prange(x.size):
        out[i] = simd.log(x[i])


@parallel_kernel
def _exp32(out, x, _):
    for i in prange(x.size):
        out[i] = simd.exp(x[i])


@parallel_kernel
def _power32(out, x, exponent):
    for i in prange(x.size):
        out[i] = simd.power(x[i], exponent)


@parallel_kernel
def _log64(out, x, _):
    for i in prange(x.size):
        out[i] = np.log(x[i])


@parallel_kernel
def _exp64(out, x, _):
    for i in prange(x.size):
        out[i] = np.exp(x[i])


@parallel_kernel
def _power64(out, x, exponent):
    for i in prange(x.size):
        out[i] = x[i] ** exponent


@parallel_kernel
def _sqrt(out, x, _):
    for i in prange(x.size):
        out[i] = np.sqrt(x[i])
