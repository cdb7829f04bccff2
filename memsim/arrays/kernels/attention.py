"""The read of attention arrays: from the states of devices to numbers, array by array, compiled by numba."""

import numpy as np
from numba import prange

from memsim.arrays.kernels.curves import number_of
from memsim.arrays.kernels.multiply import multiply
from memsim.devices.numerics import philox as px
from memsim.devices.numerics.compile import bare, parallel_kernel


@bare
def add_weights(weight, column, w, floor, rest, scale, first):
    """Floor w, set `weight` to scale (w - rest) or add it, sum w in `column`; returns how many it floored."""
    low = np.int32(0)
    for i in range(len(w)):
        states, weights = w[i], weight[i]
        for j in range(len(states)):
            low = np.int32(low + (states[j] < floor))
            column[j] += max(states[j], floor)
        if first:
            for j in range(len(states)):
                weights[j] = (max(states[j], floor) - rest) * scale
        else:
            for j in range(len(states)):
                weights[j] += (max(states[j], floor) - rest) * scale
    return low


@bare
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
                over = np.int32(over + (code != kept))
                line[d] = g * (kept * step) + s * many[d]
    else:
        for i in range(len(numbers)):
            line, g, s = numbers[i], gain[i], shift[i]
            for d in range(len(line)):
                line[d] = g * line[d] + s * many[d]
    return over


@bare
def vary(spread, numbers, many, plus, minus, spikes, law, noise, own):
    """Variances of the numbers of one array, from the states of its devices (minus: one array, or none).

    noise: c0, c1, c2, p0, p1, variance of a conversion, see :mod:`memsim.arrays.reading.written_noise`; own
    (M, N): room.
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
        own[:] = 0.0
        for side in range(sides):
            states = plus if side == 0 else minus[0]
            for i in range(len(own)):
                for j in range(own.shape[1]):
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


@bare
def add_noise(numbers, spread, key, step, image, call, z):
    """numbers += sqrt(spread) xi, numbered by word line and feature; z (1, BLOCK): room."""
    flat, variance = numbers.reshape(-1), spread.reshape(-1)
    for block in range((len(flat) + px.BLOCK - 1) // px.BLOCK):
        px.nearly_normals(z, key, block, step, image, call, 1)
        first, xi = block * px.BLOCK, z[0]
        here, spreads = flat[first : first + px.BLOCK], variance[first : first + px.BLOCK]
        for n in range(len(here)):
            here[n] += np.sqrt(spreads[n]) * xi[n]


@bare
def read_array(
    a, plus, minus, weight, law, images, values, noise, keys, names, time, call, step, levels, curve, gain,
    shift, column, out, own, many, spread, z,
):  # fmt: skip
    """Read array a; arguments as those of `read_attention`, and room.  Returns how many states were floored
    and how many conversions clipped.
    """
    total, stack = column[a], values.shape[1]
    total[:] = 0.0
    low, clips = add_weights(own, total, plus[a], law[0], law[1], law[2], True), np.int32(0)
    if len(minus):
        low += add_weights(own, total, minus[a], law[0], law[1], -law[2], False)
    if len(weight):
        for i in range(len(own)):
            for j in range(own.shape[1]):
                weight[a, i, j] = own[i, j]
    if stack:
        steps, heads = len(values), values.shape[2]
        t, image = a % steps, a // steps % images
        head, chip = a // (steps * images) % heads, a // (steps * images * heads)
        spikes, numbers = values[t, chip * images + image, head], out[t, chip * images + image, head]
        many[:] = 0.0
        for j in range(len(spikes)):
            for d in range(len(many)):
                many[d] += spikes[j, d]
        multiply(numbers, own, spikes)
        if len(noise):
            vary(spread, numbers, many, plus[a], minus[a : a + 1], spikes, law, noise, own)
            add_noise(numbers, spread, keys[chip * heads + head], time + t, names[image], call, z)
        clips = tell(
            numbers, many, step[chip], levels, curve[chip, head], gain[chip, head], shift[chip, head]
        )
    return low, clips


@bare
def read_arrays(
    first, end, plus, minus, weight, law, images, values, noise, keys, names, time, call, step, levels, curve,
    gain, shift, column, out, own, many, spread, z,
):  # fmt: skip
    """Read the arrays from `first` to `end`; returns the sums of what `read_array` does.

    A function of its own: it takes its parts of the arrays without counting references to them.
    """
    low, over = 0, 0
    for a in range(first, end):
        floored, clipped = read_array(
            a, plus, minus, weight, law, images, values, noise, keys, names, time, call, step, levels, curve,
            gain, shift, column, out, own, many, spread, z,
        )  # fmt: skip
        low, over = low + floored, over + clipped
    return low, over


_PARTS = 64  #: that the arrays are cut into; each has room of its own to work in


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
    features, parts, floors, clips = values.shape[4], min(arrays, _PARTS), 0, 0
    for part in prange(parts):
        own, spread = np.empty((lines, tokens), np.float32), np.empty((lines, features), np.float32)
        many, z = np.empty(features, np.float32), np.zeros((1, px.BLOCK), np.float32)
        low, over = read_arrays(
            part * arrays // parts, (part + 1) * arrays // parts, plus, minus, weight, law, images, values,
            noise, keys, names, time, call, step, levels, curve, gain, shift, column, out, own, many, spread,
            z,
        )  # fmt: skip
        floors += low
        clips += over
    return floors, clips
