"""Float32 functions without branches or calls, so that the loops around them vectorise."""

import numpy as np

from memsim.devices.numerics.compile import inlined

_MANTISSA, _SQRT_HALF = np.uint32(0x007FFFFF), np.uint32(0x3F3504F3)
_SQRT2_GAP = np.uint32(0x3F800000 - 0x3F3504F3)  # moves the exponent's change from 1 to sqrt(1/2)


@inlined
def log(x):
    """ln x of a positive float32 to 2e-7 (absolute near 1, relative elsewhere)."""
    shifted = np.uint32(np.float32(x).view(np.uint32) + _SQRT2_GAP)
    exponent = np.float32(np.int32(shifted >> np.uint32(23))) - np.float32(127.0)
    m = np.uint32((shifted & _MANTISSA) + _SQRT_HALF).view(np.float32) - np.float32(1.0)
    p = np.float32(-0.10378706)
    p = p * m + np.float32(0.16338143)
    p = p * m - np.float32(0.17212428)
    p = p * m + np.float32(0.19884236)
    p = p * m - np.float32(0.2497156)
    p = p * m + np.float32(0.33335608)
    p = p * m - np.float32(0.50000346)
    p = p * m + np.float32(0.99999994)
    return exponent * np.float32(0.6931472) + p * m


@inlined
def exp(x):
    """e^x of a float32 to a relative 2e-7; beyond +-87 the value at +-87."""
    t = max(min(np.float32(x), np.float32(87.0)), np.float32(-87.0)) * np.float32(1.442695)
    whole = np.floor(t + np.float32(0.5))
    f = t - whole
    f2 = f * f
    p = np.float32(0.009676036) + np.float32(0.001341) * f
    q = np.float32(0.24022107) + np.float32(0.055502973) * f
    p = np.float32(1.0000001) + np.float32(0.69314724) * f + f2 * (q + f2 * p)
    return p * np.uint32(np.uint32(np.int32(whole) + np.int32(127)) << np.uint32(23)).view(np.float32)


@inlined
def power(x, exponent):
    """x^exponent of a float32 x >= 0 to a relative 1e-6 where the result is above 1e-20; about 0 at 0."""
    return exp(np.float32(exponent) * log(x))


@inlined
def mask(condition):
    """All bits where true, none where false; for :func:`pick`."""
    return np.uint32(np.uint32(0) - np.uint32(condition))


@inlined
def pick(bits, a, b):
    """a where all `bits` are set, b where none is; a conditional would let LLVM load only one of them."""
    x, y = np.float32(a).view(np.uint32), np.float32(b).view(np.uint32)
    return np.uint32(y ^ ((x ^ y) & bits)).view(np.float32)


@inlined
def along(x, direction):
    """x, its sign changed where `direction` is negative."""
    sign = np.float32(direction).view(np.uint32) & np.uint32(0x80000000)
    return np.uint32(np.float32(x).view(np.uint32) ^ sign).view(np.float32)


@inlined
def whole(number, lanes):
    """`number` rounded up to a multiple of `lanes`, a power of two: whole vectors run the same instructions,
    whatever the number.
    """
    return (np.int64(number) + (lanes - 1)) & ~np.int64(lanes - 1)


@inlined
def clip(x, low, high):
    """x between low and high."""
    return min(max(x, low), high)
