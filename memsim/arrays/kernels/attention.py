"""The read of attention arrays: from the states of devices to numbers, array by array, compiled by numba."""

from pathlib import Path

import numpy as np
from numba import prange

from memsim import devices
from memsim.arrays.kernels.curves import number_of
from memsim.arrays.kernels.multiply import multiply
from memsim.devices.numerics import philox as px
from memsim.devices.numerics.compile import drop_stale_cache, inlined, parallel_kernel


@inlined
def add_weights(weight, column, w, floor, rest, scale, first):
    """Floor w, set `weight` to scale (w - rest) or add it, sum w in `column`; returns how many it floored."""
    low = np.int32(0)
    for i in range(len(w)):
        states, weights = w[i], weight[i]
        for j in range(len(states)):
            low += np.int32(states[j] < floor)
            column[j] += max(states[j], floor)
        if first:
            for j in range(len(states)):
                weights[j] = (max(states[j], floor) - rest) * scale
        else:
            for j in range(len(states)):
                weights[j] += (max(states[j], floor) - rest) * scale
    return low


@inlined
def tell(numbers, many, step, levels, curve, gain, shift):
    """Turn the currents of all word lines into gain ADC(current) + shift many; returns how many clipped.

    curve (P, lines): of each line's ADC, ideal where it is empty.
    """
    inverse = np.float32(1.0) / step
    over = np.int32(0)
    if len(curve) > 0:
        for i in range(len(numbers)):
            line, g, s = numbers[i], gain[i], shift[i]
            for d in range(len(line)):
                number, clipped = number_of(line[d] * inverse, curve, i, levels)
                over += clipped
                line[d] = g * (number * step) + s * many[d]
    elif levels > 0:
        for i in range(len(numbers)):
            line, g, s = numbers[i], gain[i], shift[i]
            for d in range(len(line)):
                code = np.rint(line[d] * inverse)
                kept = min(max(code, -levels), levels)
                over += np.int32(code != kept)
                line[d] = g * (kept * step) + s * many[d]
    else:
        for i in range(len(numbers)):
            line, g, s = numbers[i], gain[i], shift[i]
            for d in range(len(line)):
                line[d] = g * line[d] + s * many[d]
    return over


@inlined
def vary(spread, numbers, many, plus, minus, spikes, law, noise):
    """Variances of the numbers of one array, from the states of its devices (minus: one array, or none).

    noise: c0, c1, c2, p0, p1, variance of a conversion, see :mod:`memsim.arrays.reading.written_noise`.
    """
    floor, c0, c1, c2 = law[0], noise[0], noise[1], noise[2]
    sides = 1 + len(minus)
    if sides == 1 and c2 == 0:
        current, spike = c1 / law[2], c0 + c1 * law[1]
        for i in range(len(numbers)):
            line, told = spread[i], numbers[i]
            for d in range(len(line)):
                line[d] = current * told[d] + spike * many[d]
    else:
        own = np.zeros(plus.shape, np.float32)
        for side in range(sides):
            states = plus if side == 0 else minus[0]
            for i in range(len(own)):
                for j in range(len(own[i])):
                    w = max(states[i, j], floor)
                    own[i, j] += c0 + (c1 + c2 * w) * w
        multiply(spread, own, spikes)
    for i in range(len(spread)):
        always = noise[5]
        if noise[3] != 0 or noise[4] != 0:
            for side in range(sides):
                states = plus[i] if side == 0 else minus[0, i]
                for j in range(len(states)):
                    always += noise[3] + noise[4] * max(states[j], floor)
        line = spread[i]
        for d in range(len(line)):
            line[d] = max(line[d] + always, np.float32(0.0))


@inlined
def add_noise(numbers, spread, key, step, image, call):
    """numbers += sqrt(spread) xi, numbered by word line and feature."""
    z = np.zeros((1, px.BLOCK), np.float32)
    flat, variance = numbers.reshape(-1), spread.reshape(-1)
    for block in range((len(flat) + px.BLOCK - 1) // px.BLOCK):
        px.nearly_normals(z, key, block, step, image, call, 1)
        first, xi = block * px.BLOCK, z[0]
        here, spreads = flat[first : first + px.BLOCK], variance[first : first + px.BLOCK]
        for n in range(len(here)):
            here[n] += np.sqrt(spreads[n]) * xi[n]


@parallel_kernel
def read_attention(
    plus, minus, weight, law, images, values, noise, keys, names, time, call, step, levels, curve, gain,
    shift, column, out,
):  # fmt: skip
    """Weights from the states w of devices or, where there is a `minus`, of pairs; numbers from weights and
    value spikes; returns how many states were floored and how many conversions clipped.

    plus, minus, weight (arrays, M, N), arrays numbered by chip, head, image and step; law: floor, rest,
    scale; values (T, chips images, heads, N, D), out (T, chips images, heads, M, D); step (chips,); curve
    (chips, heads, P, M), P = 0 for ideal ADCs; gain, shift (chips, heads, M); noise (6,), keys (chips
    heads,), names of images (B,), first step and call: of the noise of reads, none where `noise` is empty;
    column (arrays, N) takes the sums of w over word lines and sides. Where weight or values are empty, they
    are not wanted; weight may be plus.
    """
    arrays, lines, tokens = plus.shape
    steps, stack, heads, _, features = values.shape
    floors, clips = 0, 0
    for a in prange(arrays):
        own, total = np.empty((lines, tokens), np.float32), np.zeros(tokens, np.float32)
        low = add_weights(own, total, plus[a], law[0], law[1], law[2], True)
        if len(minus):
            low += add_weights(own, total, minus[a], law[0], law[1], -law[2], False)
        floors += low
        column[a] = total
        if len(weight):
            weight[a] = own
        if stack:
            t, image = a % steps, a // steps % images
            head, chip = a // (steps * images) % heads, a // (steps * images * heads)
            at = chip * images + image
            spikes, numbers = values[t, at, head], out[t, at, head]
            many = np.zeros(features, np.float32)
            for j in range(tokens):
                for d in range(features):
                    many[d] += spikes[j, d]
            multiply(numbers, own, spikes)
            if len(noise):
                spread = np.empty(numbers.shape, np.float32)
                vary(spread, numbers, many, plus[a], minus[a : a + 1], spikes, law, noise)
                add_noise(numbers, spread, keys[chip * heads + head], time + t, names[image], call)
            clips += tell(
                numbers, many, step[chip], levels, curve[chip, head], gain[chip, head], shift[chip, head]
            )
    return floors, clips


drop_stale_cache(Path(__file__).parent, Path(devices.__file__).parent)
