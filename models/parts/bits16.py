"""Access to arrays of float32, or of bf16 stored as uint16, by the same code in a kernel."""

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload
from torch import Tensor


def array_of(x: Tensor) -> np.ndarray:
    """Return the numpy array of a float32 or bf16 tensor; bf16 as uint16.  Contiguous tensors are not
    copied.
    """
    x = x.detach().contiguous()
    return x.view(torch.int16).numpy().view(np.uint16) if x.dtype == torch.bfloat16 else x.numpy()


@intrinsic
def _as_float(typing_context, bits):
    """Return the float32 with these 32 bits."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.uint32), generate


@intrinsic
def _as_bits(typing_context, number):
    """Return the 32 bits of a float32."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.uint32(types.float32), generate


def real(value):
    """Return the float32 that an element of an array represents."""
    return value


@overload(real, inline="always")
def _real(value):
    if value == types.uint16:
        return lambda value: _as_float(np.uint32(np.uint32(value) << np.uint32(16)))  # pyright: ignore[reportCallIssue]
    return lambda value: value


def put(out, j, number):
    """Store a float32 in out[j]; for bf16, rounded to nearest, ties to even."""
    out[j] = number


@overload(put, inline="always")
def _put(out, j, number):
    if out.dtype == types.uint16:

        def rounded(out, j, number):
            bits = _as_bits(number)  # pyright: ignore[reportCallIssue]
            odd = np.uint32(np.uint32(bits >> np.uint32(16)) & np.uint32(1))
            out[j] = np.uint16(np.uint32(np.uint32(bits + np.uint32(0x7FFF)) + odd) >> np.uint32(16))

        return rounded

    def exact(out, j, number):
        out[j] = number

    return exact


def one_of(out):
    """Return 1 in the element type of an array."""
    return out.dtype.type(1)


@overload(one_of, inline="always")
def _one_of(out):
    if out.dtype == types.uint16:
        return lambda out: np.uint16(0x3F80)
    return lambda out: np.float32(1)
