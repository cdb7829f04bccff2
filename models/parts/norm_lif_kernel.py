"""Numba kernels for batch norm and leaky integrate-and-fire neurons in one pass over memory.

Forward:   U[t] = H[t-1] + x[t] scale + shift;  S[t] = 1 if U[t] >= v_threshold, else 0
           H[t] = v_reset if S[t] = 1, else beta U[t] + leak
Backward:  gU[t] = gS[t] sigma'(U[t]) + gU[t+1] dH[t]/dU[t], with recomputed membranes

Scale and shift of each channel combine the batch norm and the gain of the neurons. Rows are (T, P C): P
positions of C channels, channels last, flattened; currents (1, P C) are constant in time. Arrays are float32,
or bf16 stored as uint16 (`bits16`); intermediate results are float32.

Positions are processed in pieces of L values, L / C positions, that fit the first-level cache; tables by
channel are repeated to the length L, so that inner loops are long even for few channels. A loop uses at most
five arrays, because LLVM does not vectorise loops in which many arrays could overlap. Sums are kept for each
of the L values of a piece ("lanes"), in float32 over `FLUSH` pieces, then in float64.
"""

import numpy as np
from numba import prange

from memsim.devices.numerics.compile import bare, parallel_kernel
from memsim.models.parts.bits16 import one_of, put, real
from memsim.models.parts.lif_kernel import exp

PIECE = 256
FLUSH = 64


@bare
def _flush(lanes, sums):
    """Add sums of lanes (L) to sums of channels (C), float64, and set the former to 0."""
    for j in range(len(lanes)):
        sums[j % len(sums)] += lanes[j]
        lanes[j] = 0


@bare
def _flush_full(number, last, a, sums, b, products):
    """Flush both sums after every `FLUSH` pieces and after the last one; number: index of the piece."""
    if last or number % FLUSH == FLUSH - 1:
        _flush(a, sums)
        _flush(b, products)


@bare
def _share(block, blocks, size, channels):
    """Return the first and the last + 1 index of the values of a block; blocks have whole positions."""
    places = size // channels
    return block * places // blocks * channels, (block + 1) * places // blocks * channels


@parallel_kernel
def moments(x, middle, sums, squares):
    """Add x - middle and its square by channel to sums and squares (blocks, C), float64, initially 0.

    x: all rows, flattened (R C); middle (L): a value near the mean of each channel, which avoids
    cancellation.
    """
    blocks, channels = sums.shape
    size, piece = len(x), len(middle)
    for block in prange(blocks):
        a, b = np.zeros(piece, np.float32), np.zeros(piece, np.float32)
        low, high = _share(block, blocks, size, channels)
        for number, start in enumerate(range(low, high, piece)):
            n = min(piece, high - start)
            v = x[start : start + n]
            for j in range(n):
                a[j] += real(v[j]) - middle[j]
            for j in range(n):
                d = real(v[j]) - middle[j]
                b[j] += d * d
            _flush_full(number, start + piece >= high, a, sums[block], b, squares[block])


@parallel_kernel
def fire(x, spikes, scale, shift, channels, beta, leak, v_threshold, v_reset, blocks):
    """Fill spikes (T, P C) from currents x (T or 1, P C); scale and shift have the length L."""
    steps, size = spikes.shape
    held, piece, one = x.shape[0] == 1, len(scale), one_of(spikes)
    for block in prange(blocks):
        h = np.empty(piece, np.float32)
        low, high = _share(block, blocks, size, channels)
        for start in range(low, high, piece):
            n = min(piece, high - start)
            h[:] = v_reset
            for t in range(steps):
                v, s = x[0 if held else t, start : start + n], spikes[t, start : start + n]
                for j in range(n):
                    u = h[j] + (real(v[j]) * scale[j] + shift[j])
                    s[j] = one if u >= v_threshold else 0
                    h[j] = v_reset if u >= v_threshold else beta * u + leak


@bare
def _membranes(x, start, n, scale, shift, beta, leak, v_threshold, v_reset, membrane, h):
    """Fill membrane (T, L) with the potentials of a piece; h (L) is working memory."""
    h[:] = v_reset
    for t in range(len(membrane)):
        now, v = membrane[t], x[0 if x.shape[0] == 1 else t, start : start + n]
        for j in range(n):
            u = h[j] + (real(v[j]) * scale[j] + shift[j])
            now[j] = u
            h[j] = v_reset if u >= v_threshold else beta * u + leak


@bare
def _back(u, grad, carry, n, beta, leak, v_threshold, v_reset, alpha, detach):
    """Replace the gradient of the potentials of the following step in carry by that of this step."""
    one, zero = np.float32(1), np.float32(0)
    for j in range(n):
        z = u[j] - v_threshold
        e = exp(-abs(alpha * z))
        slope = alpha * e / ((one + e) * (one + e))
        through = zero if z >= zero else beta
        if not detach:
            through += slope * (v_reset - (beta * u[j] + leak))
        carry[j] = real(grad[j]) * slope + carry[j] * through


@bare
def _collect(x, gradient, mean, a, b, n):
    """Add the gradient of a piece to a and its product with x - mean to b, by lane."""
    for j in range(n):
        g = real(gradient[j])
        a[j] += g
        b[j] += g * (real(x[j]) - mean[j])


@bare
def _piece_back(
    x, grad, out, start, n, scale, shift, mean, membrane, carry, total, a, b,
    beta, leak, v_threshold, v_reset, alpha, detach,
):  # fmt: skip
    """Fill a piece of out, and add to a and b by lane unless mean is empty."""
    held = x.shape[0] == 1
    _membranes(x, start, n, scale, shift, beta, leak, v_threshold, v_reset, membrane, carry)
    for j in range(n):
        carry[j] = 0
        total[j] = 0
    for t in range(len(membrane) - 1, -1, -1):
        _back(
            membrane[t], grad[t, start : start + n], carry, n, beta, leak, v_threshold, v_reset, alpha, detach
        )
        if held:
            for j in range(n):
                total[j] += carry[j]
            if t > 0:
                continue
        found, o = total if held else carry, out[t, start : start + n]
        for j in range(n):
            put(o, j, found[j])
        if len(mean) > 0:
            _collect(x[t, start : start + n], found, mean, a, b, n)


@parallel_kernel
def fire_back(
    x, grad, out, scale, shift, mean, sums, products,
    beta, leak, v_threshold, v_reset, alpha, detach,
):  # fmt: skip
    """Fill out (shape of x) with the gradient of x scale + shift for that of the spikes, grad (T, P C).

    Unless mean (L) is empty, the sums of this gradient and of its product with x - mean are added by channel
    to sums and products (blocks, C), float64, initially 0.
    """
    (steps, size), (blocks, channels), piece = grad.shape, sums.shape, len(scale)
    for block in prange(blocks):
        membrane, carry = np.empty((steps, piece), np.float32), np.empty(piece, np.float32)
        a, b = np.zeros(piece, np.float32), np.zeros(piece, np.float32)
        total = np.empty(piece, np.float32)
        low, high = _share(block, blocks, size, channels)
        for number, start in enumerate(range(low, high, piece)):
            _piece_back(
                x, grad, out, start, min(piece, high - start), scale, shift, mean, membrane, carry, total, a,
                b, beta, leak, v_threshold, v_reset, alpha, detach,
            )  # fmt: skip
            _flush_full(number, start + piece >= high, a, sums[block], b, products[block])


@parallel_kernel
def channel_sums(x, grad, mean, sums, products):
    """Add a gradient (R C) and its product with x - mean by channel, like `fire_back`."""
    blocks, channels = sums.shape
    size, piece = len(x), len(mean)
    for block in prange(blocks):
        a, b = np.zeros(piece, np.float32), np.zeros(piece, np.float32)
        low, high = _share(block, blocks, size, channels)
        for number, start in enumerate(range(low, high, piece)):
            n = min(piece, high - start)
            _collect(x[start : start + n], grad[start : start + n], mean, a, b, n)
            _flush_full(number, start + piece >= high, a, sums[block], b, products[block])


@parallel_kernel
def combine(x, y, out, of_x, of_y, shift, channels, blocks):
    """Fill out (R C) with x of_x + y of_y + shift, with tables of length L; y and out may be the same
    array.
    """
    size, piece = len(x), len(shift)
    for block in prange(blocks):
        low, high = _share(block, blocks, size, channels)
        kept = np.empty(piece, np.float32)
        for start in range(low, high, piece):
            n = min(piece, high - start)
            v, w, o = x[start : start + n], y[start : start + n], out[start : start + n]
            for j in range(n):
                kept[j] = real(v[j]) * of_x[j] + shift[j]
            for j in range(n):
                kept[j] += real(w[j]) * of_y[j]
            for j in range(n):
                put(o, j, kept[j])
