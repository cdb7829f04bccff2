"""Numba kernels for leaky integrate-and-fire neurons, forward and backward, over arrays (T, M).

Forward:   U[t] = H[t-1] + gain X[t]
           S[t] = 1 if U[t] >= v_threshold, else 0
           H[t] = v_reset if S[t] = 1, else beta U[t] + leak
Backward:  gU[t] = gS[t] sigma'(U[t]) + gH[t] dH/dU;  gX[t] = gain gU[t];  gH[t-1] = gU[t]

Neurons are processed in pieces that fit the first-level cache: all time steps of one piece, then the next.
The innermost loop is over neurons, so that LLVM vectorises it. No floating-point operations are reordered, so
the spikes are bit-identical to those of the loop in `lif.py`.
"""

import math

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from memsim.devices.numerics.kernel_cache import compiled

PIECE = 2048  #: number of neurons of a piece
LOG2_E = np.float32(1.4426950408889634)
SHIFTER = np.float32(
    12582912.0
)  #: 1.5 * 2**23; adding it rounds a float32 to an integer kept in its low bits


@intrinsic
def _times_power_of_two(typing_context, value, shifted):
    """Return value * 2**n for float32, where shifted = n + SHIFTER; n is added to the exponent bits."""

    def generate(context, builder, signature, arguments):
        integer, real = ir.IntType(32), ir.FloatType()
        bits, power = (builder.bitcast(argument, integer) for argument in arguments)
        return builder.bitcast(builder.add(bits, builder.shl(power, ir.Constant(integer, 23))), real)

    return types.float32(types.float32, types.float32), generate


def exp(x):
    """Return e**x for x <= 0; in float32 without branches, with a relative error of 2e-7 near 0, minimum
    1e-38.
    """
    return math.exp(x)


@overload(exp)
def _exp(x):
    if x == types.float32:
        one, c1, c2, c3 = map(np.float32, (1.0, 0.69314718056, 0.24022650696, 0.05550410866))
        c4, c5, c6 = map(np.float32, (0.00961812911, 0.00133335581, 0.00015403530))
        floor = np.float32(-87.0)

        def single(x):
            y = max(x, floor) * LOG2_E
            shifted = y + SHIFTER
            f = y - (shifted - SHIFTER)
            power = one + f * (c1 + f * (c2 + f * (c3 + f * (c4 + f * (c5 + f * c6)))))
            return _times_power_of_two(power, shifted)  # pyright: ignore[reportCallIssue]

        return single
    return lambda x: math.exp(x)


@compiled(nogil=True, parallel=True)
def lif_forward(current, spikes, membrane, beta, gain, leak, v_threshold, v_reset, blocks):
    """Fill spikes (T, M) and, unless it is empty, the membrane U (T, M).

    current: (T, M), or (1, M) for a current that is constant in time. The five constants have the data type
    of the arrays; blocks: number of parts of equal size that are computed in parallel.
    """
    steps, size = spikes.shape
    held = current.shape[0] == 1
    keep = membrane.size > 0
    one, zero = spikes.dtype.type(1), spikes.dtype.type(0)
    for block in numba.prange(blocks):
        h = np.empty(PIECE, spikes.dtype)
        low, high = block * size // blocks, (block + 1) * size // blocks
        for start in range(low, high, PIECE):
            n = min(PIECE, high - start)
            h[:] = v_reset
            for t in range(steps):
                x = current[0 if held else t, start : start + n]
                s = spikes[t, start : start + n]
                if keep:
                    record = membrane[t, start : start + n]
                    for j in range(n):
                        u = h[j] + gain * x[j]
                        record[j] = u
                        s[j] = one if u >= v_threshold else zero
                        h[j] = v_reset if u >= v_threshold else beta * u + leak
                else:
                    for j in range(n):
                        u = h[j] + gain * x[j]
                        s[j] = one if u >= v_threshold else zero
                        h[j] = v_reset if u >= v_threshold else beta * u + leak


@compiled(nogil=True, parallel=True)
def lif_backward(
    membrane, grad_spikes, grad_current, beta, gain, leak, v_threshold, v_reset, alpha, detach, blocks
):
    """Fill grad_current (T, M) from the membrane U and the gradient of the spikes, both (T, M)."""
    steps, size = membrane.shape
    one, zero = membrane.dtype.type(1), membrane.dtype.type(0)
    for block in numba.prange(blocks):
        grad_h = np.empty(PIECE, membrane.dtype)
        low, high = block * size // blocks, (block + 1) * size // blocks
        for start in range(low, high, PIECE):
            n = min(PIECE, high - start)
            grad_h[:] = zero
            for t in range(steps - 1, -1, -1):
                u, g = membrane[t, start : start + n], grad_spikes[t, start : start + n]
                out = grad_current[t, start : start + n]
                for j in range(n):
                    z = u[j] - v_threshold
                    e = exp(-abs(alpha * z))
                    slope = alpha * e / ((one + e) * (one + e))
                    through = zero if z >= zero else beta
                    if not detach:
                        through += slope * (v_reset - (beta * u[j] + leak))
                    grad = g[j] * slope + grad_h[j] * through
                    grad_h[j] = grad
                    out[j] = gain * grad
