"""The torch forms of the float32 functions of :mod:`memsim.devices.numerics.simd` and of the walk: the same
polynomials, one rounding for each operation.

They are made of exactly rounded operations alone, so that every device and every place in a tensor gives the
same bits; a CPU kernel, which fuses multiplications and additions, differs from them in the last bits.
"""

import torch
from torch import Tensor

_MANTISSA, _SQRT_HALF = 0x007FFFFF, 0x3F3504F3
_SQRT2_GAP = 0x3F800000 - 0x3F3504F3
_FOLD = 0.5826  #: Siegmund's correction: a walk of unit steps overshoots a level by that less


def horner(x: Tensor, first: float, *rest: float) -> Tensor:
    """Return the polynomial first x^n + ... in x, by Horner's rule."""
    value = first * x + rest[0]
    for c in rest[1:]:
        value = value * x + c
    return value


def log(x: Tensor) -> Tensor:
    """ln x of positive float32 to 2e-7 (absolute near 1, relative elsewhere)."""
    shifted = x.view(torch.int32) + _SQRT2_GAP
    exponent = (shifted >> 23).to(torch.float32) - 127.0
    m = ((shifted & _MANTISSA) + _SQRT_HALF).view(torch.float32) - 1.0
    p = horner(
        m, -0.10378706, 0.16338143, -0.17212428, 0.19884236, -0.2497156, 0.33335608, -0.50000346, 0.99999994
    )  # fmt: skip
    return exponent * 0.6931472 + p * m


def exp(x: Tensor) -> Tensor:
    """e^x of float32 to a relative 2e-7; beyond +-87 the value at +-87."""
    t = x.clamp(-87.0, 87.0) * 1.442695
    whole = (t + 0.5).floor()
    f = t - whole
    f2 = f * f
    p = 0.009676036 + 0.001341 * f
    q = 0.24022107 + 0.055502973 * f
    p = (1.0000001 + 0.69314724 * f) + f2 * (q + f2 * p)
    return p * ((whole.to(torch.int32) + 127) << 23).view(torch.float32)


def along(x: Tensor, direction: Tensor) -> Tensor:
    """x, its sign changed where `direction` is negative."""
    return torch.where(torch.signbit(direction), -x, x)


def clip(x: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """x between low and high."""
    return x.clamp(min=low).clamp(max=high)  # type: ignore[arg-type]


def kept_between(
    begin: Tensor, end: Tensor, low: Tensor, high: Tensor, noise: Tensor, count: Tensor, word: Tensor
) -> Tensor:
    """Return where a walk that is clipped after every step stands; see
    :func:`memsim.devices.numerics.walk.kept_between`. word: int64.
    """
    chance = (((word >> 1) & 0xFFF).to(torch.float32) + 0.5) * (1 / 4096)
    apart, middle = end - begin, 0.5 * (begin + end)
    reach = 0.5 * (apart * apart - 2.0 * noise * noise * count * log(chance)).sqrt() - _FOLD * noise
    reach = torch.maximum(reach, 0.5 * apart.abs())
    over, under = (middle + reach - high).clamp(min=0.0), (low - middle + reach).clamp(min=0.0)
    return clip(end - over + under, low, high)
