"""Triton kernels of batch norm and LIF neurons, forwards and backwards, a tile of places and channels each.

Currents are rows (T or 1, P, C): P places, C channels, bf16 or float32. A current of one step is held over
all. Membranes are float32 in registers, and are computed anew on the way back. `plain.py` is the definition.
"""

from typing import Any

import triton  # pyright: ignore[reportMissingImports]
import triton.language as tl  # pyright: ignore[reportMissingImports]

jit: Any = triton.jit


@jit
def row_sums(x, sums, squares, R, C, rows, BP: tl.constexpr, BC: tl.constexpr):
    """Sums and sums of squares of x (R, C) by channel, over this program's rows."""
    c = tl.program_id(0) * BC + tl.arange(0, BC)
    first = tl.program_id(1) * rows
    s = tl.zeros((BC,), tl.float32)
    q = tl.zeros((BC,), tl.float32)
    for r0 in range(0, rows, BP):
        r = first + r0 + tl.arange(0, BP)
        inside = (r < R)[:, None] & (r < first + rows)[:, None] & (c < C)[None, :]
        v = tl.load(x + r[:, None].to(tl.int64) * C + c[None, :], mask=inside, other=0).to(tl.float32)
        s += tl.sum(v, 0)
        q += tl.sum(v * v, 0)
    tl.store(sums + tl.program_id(1) * C + c, s, mask=c < C)
    tl.store(squares + tl.program_id(1) * C + c, q, mask=c < C)


@jit
def _drive(x, offset, inside, scale, shift, NORM: tl.constexpr):
    """The current of a tile: x itself, or its batch norm."""
    v = tl.load(x + offset, mask=inside, other=0).to(tl.float32)
    if NORM:
        v = v * scale[None, :] + shift[None, :]
    return v


@jit
def fire_kernel(x, out, scale, shift, P, C, rows, threshold, T: tl.constexpr, HELD: tl.constexpr,
          NORM: tl.constexpr, BETA: tl.constexpr, BP: tl.constexpr, BC: tl.constexpr):  # fmt: skip
    """Spikes out (T, P, C) of currents x (T or 1, P, C)."""
    c = tl.program_id(0) * BC + tl.arange(0, BC)
    first = tl.program_id(1) * rows
    a = tl.zeros((BC,), tl.float32)
    b = tl.zeros((BC,), tl.float32)
    if NORM:
        a = tl.load(scale + c, mask=c < C, other=0)
        b = tl.load(shift + c, mask=c < C, other=0)
    for r0 in range(0, rows, BP):
        r = first + r0 + tl.arange(0, BP)
        inside = (r < P)[:, None] & (r < first + rows)[:, None] & (c < C)[None, :]
        at = r[:, None].to(tl.int64) * C + c[None, :]
        h = tl.zeros((BP, BC), tl.float32)
        for t in tl.static_range(T):  # type: ignore[misc]
            step = tl.cast(P, tl.int64) * C * t
            u = h + _drive(x, at if HELD else at + step, inside, a, b, NORM)
            fired = u >= threshold
            tl.store(out + at + step, tl.where(fired, 1.0, 0.0), mask=inside)
            h = tl.where(fired, 0.0, BETA * u)


@jit
def _slope(u, threshold, alpha):
    """The slope of sigmoid(alpha (u - threshold))."""
    p = 1 / (1 + tl.exp(-alpha * (u - threshold)))
    return alpha * p * (1 - p)


@jit
def fire_back_kernel(x, grad, out, scale, shift, mean, inverse, sums, products, P, C, rows, threshold, alpha,
               T: tl.constexpr, HELD: tl.constexpr, NORM: tl.constexpr, BETA: tl.constexpr,
               BP: tl.constexpr, BC: tl.constexpr):  # fmt: skip
    """Gradient of the currents (after the norm), and its sums by channel, alone and times normed x."""
    c = tl.program_id(0) * BC + tl.arange(0, BC)
    first = tl.program_id(1) * rows
    a = tl.zeros((BC,), tl.float32)
    b = tl.zeros((BC,), tl.float32)
    m = tl.zeros((BC,), tl.float32)
    i = tl.zeros((BC,), tl.float32)
    if NORM:
        a = tl.load(scale + c, mask=c < C, other=0)
        b = tl.load(shift + c, mask=c < C, other=0)
        m = tl.load(mean + c, mask=c < C, other=0)
        i = tl.load(inverse + c, mask=c < C, other=0)
    s = tl.zeros((BC,), tl.float32)
    q = tl.zeros((BC,), tl.float32)
    for r0 in range(0, rows, BP):
        r = first + r0 + tl.arange(0, BP)
        inside = (r < P)[:, None] & (r < first + rows)[:, None] & (c < C)[None, :]
        at = r[:, None].to(tl.int64) * C + c[None, :]
        carry = tl.zeros((BP, BC), tl.float32)
        total = tl.zeros((BP, BC), tl.float32)
        for back in tl.static_range(T):  # type: ignore[misc]
            u = tl.zeros((BP, BC), tl.float32)
            for t in tl.static_range(T - back):  # type: ignore[misc]  # the membranes up to this step, anew
                h = tl.where(u >= threshold, 0.0, BETA * u)
                step = tl.cast(P, tl.int64) * C * t
                u = h + _drive(x, at if HELD else at + step, inside, a, b, NORM)
            step = tl.cast(P, tl.int64) * C * (T - 1 - back)
            g = tl.load(grad + at + step, mask=inside, other=0).to(tl.float32)
            carry = g * _slope(u, threshold, alpha) + tl.where(u >= threshold, 0.0, BETA * carry)
            if HELD:
                total += carry
            else:
                tl.store(out + at + step, carry, mask=inside)
                if NORM:
                    v = tl.load(x + at + step, mask=inside, other=0).to(tl.float32)
                    s += tl.sum(tl.where(inside, carry, 0.0), 0)
                    q += tl.sum(tl.where(inside, carry * (v - m[None, :]) * i[None, :], 0.0), 0)
        if HELD:
            tl.store(out + at, total, mask=inside)
            if NORM:
                v = tl.load(x + at, mask=inside, other=0).to(tl.float32)
                s += tl.sum(tl.where(inside, total, 0.0), 0)
                q += tl.sum(tl.where(inside, total * (v - m[None, :]) * i[None, :], 0.0), 0)
    if NORM:
        tl.store(sums + tl.program_id(1) * C + c, s, mask=c < C)
        tl.store(products + tl.program_id(1) * C + c, q, mask=c < C)


@jit
def norm_sums(x, grad, mean, inverse, sums, products, R, C, rows, BP: tl.constexpr, BC: tl.constexpr):
    """Sums by channel of a gradient (R, C), alone and times normed x."""
    c = tl.program_id(0) * BC + tl.arange(0, BC)
    first = tl.program_id(1) * rows
    m = tl.load(mean + c, mask=c < C, other=0)
    i = tl.load(inverse + c, mask=c < C, other=0)
    s = tl.zeros((BC,), tl.float32)
    q = tl.zeros((BC,), tl.float32)
    for r0 in range(0, rows, BP):
        r = first + r0 + tl.arange(0, BP)
        inside = (r < R)[:, None] & (r < first + rows)[:, None] & (c < C)[None, :]
        at = r[:, None].to(tl.int64) * C + c[None, :]
        g = tl.load(grad + at, mask=inside, other=0).to(tl.float32)
        v = tl.load(x + at, mask=inside, other=0).to(tl.float32)
        s += tl.sum(g, 0)
        q += tl.sum(g * (v - m[None, :]) * i[None, :], 0)
    tl.store(sums + tl.program_id(1) * C + c, s, mask=c < C)
    tl.store(products + tl.program_id(1) * C + c, q, mask=c < C)


@jit
def norm_back(x, grad, out, scale, mean, inverse, sums, products, R, C, rows, BP: tl.constexpr,
               BC: tl.constexpr):  # fmt: skip
    """Gradient of a batch norm's input: scale (g - mean g - xhat mean(g xhat))."""
    c = tl.program_id(0) * BC + tl.arange(0, BC)
    first = tl.program_id(1) * rows
    a = tl.load(scale + c, mask=c < C, other=0)
    m = tl.load(mean + c, mask=c < C, other=0)
    i = tl.load(inverse + c, mask=c < C, other=0)
    s = tl.load(sums + c, mask=c < C, other=0) / R
    q = tl.load(products + c, mask=c < C, other=0) / R
    for r0 in range(0, rows, BP):
        r = first + r0 + tl.arange(0, BP)
        inside = (r < R)[:, None] & (r < first + rows)[:, None] & (c < C)[None, :]
        at = r[:, None].to(tl.int64) * C + c[None, :]
        g = tl.load(grad + at, mask=inside, other=0).to(tl.float32)
        v = tl.load(x + at, mask=inside, other=0).to(tl.float32)
        normed = (v - m[None, :]) * i[None, :]
        tl.store(out + at, a[None, :] * (g - s[None, :] - normed * q[None, :]), mask=inside)
