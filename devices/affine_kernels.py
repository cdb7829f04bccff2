"""One affine map per pulse, u <- clip(u + s - a u + noise), taken n pulses at a time: three kernels.

SOFT            noise s c xi, and the step vanishes at the bound, a = s / bound
HARD            noise of any size, not proportional to the step; the bounds stand anywhere
MULTIPLICATIVE  noise (s - a u) c xi

A kernel sees blocks of cells; which of the three is asked once for a block, never inside a loop.
"""

import numpy as np
from numba import prange

from devices.compile import inlined, kernel, parallel_kernel
from devices.philox import BLOCK, normals
from devices.pulsed import copy_in, copy_out, load
from devices.simd import clip, exp, mask, pick
from devices.walk import kept_between

SOFT, HARD, MULTIPLICATIVE = 0, 1, 2

_TAIL = 2  #: last pulses taken one by one
_CHUNK = 8  #: pulses after which a hard bound acts
_NONE = np.float32(-30.0)  #: a logarithm of nothing that squares without becoming denormal
_FOLD = np.float32(0.5826)  #: Siegmund's correction: where a walk of unit steps clipped at 0 seems reflected


@parallel_kernel
def rewrite(out, start, fresh, packed, pulses, keys, images, steps, reset, write, cycle, law):
    """Reset (or begin from `start`), pulse, add write noise; packed (arrays, blocks, 12, BLOCK).

    Rows of a block: s, a, two of the law's own for up, the same for down, then upper bound, lower bound,
    reference (u = w + reference) and reset level.
    """
    blocks = packed.shape[1]
    for job in prange(out.shape[0] * blocks):
        array, block = job // blocks, job % blocks
        p, key = packed[array, block], keys[array]
        z, words = np.zeros((3 + _TAIL, BLOCK), np.float32), np.empty((3 + _TAIL, BLOCK), np.uint32)
        w, n = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
        for m in range(out.shape[1]):
            step, image = steps[m % len(steps)], images[m // len(steps)]
            most = load(n, pulses, array, m, block)
            lanes = 2
            if most > 0 and law != HARD:
                lanes = 3 if law == MULTIPLICATIVE else 3 + min(most, _TAIL)
            normals(z, words, key, block, step, image, 0, lanes)
            if fresh:
                for i in range(BLOCK):
                    w[i] = clip(p[11, i] + reset * z[0, i], p[9, i], p[8, i])
            else:
                copy_in(w, start, array, m, block)
            if most > 0:
                if law == SOFT:
                    _soft(w, n, p, z, cycle)
                elif law == MULTIPLICATIVE:
                    _multiplicative(w, n, p, z, cycle)
                else:
                    _hard(w, n, p, z[2:], words, most, key, block, step, image, cycle)
            for i in range(BLOCK):
                w[i] += write * z[1, i]
            copy_out(out, w, array, m, block)


@kernel
def _soft(w, n, p, z, cycle):
    zero, one = np.float32(0.0), np.float32(1.0)
    for i in range(BLOCK):
        up, pulses = mask(n[i] > zero), abs(n[i])
        s, a = pick(up, p[0, i], p[4, i]), pick(up, p[1, i], p[5, i])
        rate, spread = pick(up, p[2, i], p[6, i]), pick(up, p[3, i], p[7, i]) * cycle
        high, low, u = p[8, i], p[9, i], w[i] + p[10, i]
        bound, side, noise = pick(up, high, low), pick(up, one, -one), abs(s) * cycle
        total = np.ceil(pulses)
        part = pulses - (total - one)  # of the last pulse: 1 unless n has a fraction
        ahead = total - np.float32(_TAIL)
        left = exp(max(max(ahead, zero) * rate, _NONE))
        spread = max(spread * np.sqrt(max(one - left * left, zero)), np.float32(1e-12))
        x = bound + side * _below(side * (bound - u), left, spread, _FOLD * noise, z[2, i])
        u = pick(mask(ahead > zero), clip(x, low, high), u)
        x = clip(u + (s - a * u + noise * z[4, i]), low, high)
        u = pick(mask(total > one), x, u)
        x = clip(u + part * (s - a * u + noise * z[3, i]), low, high)
        u = pick(mask(total > zero), x, u)
        w[i] = u - p[10, i]


@inlined
def _below(distance, left, spread, beyond, xi):
    """Where many pulses leave a device that stood `distance` inside its bound, seen from the bound.

    Reflection at the mirror, `beyond` the bound, of a walk that is drawn to the bound itself. Were it
    drawn to the mirror, its distance from there would be abs(z). It stays further in, by `beyond` (1 -
    left) where the mirror was never met, and where it was by the share that turns abs(z) into the
    stationary law, a cut normal.
    """
    one = np.float32(1.0)
    mean, scale = (distance + beyond) * left, one / spread
    y = abs(mean - spread * xi)
    x = y * scale
    # met: odds exp(-2 mean y / spread^2) that the mirror was met, given both ends. Mills' ratio of x is near
    # 2 / (x + sqrt(x^2 + 8 / pi)); the stationary law keeps the share 1 - sqrt(2 / pi) Mills of the drift.
    met = exp(max(-np.float32(2.0) * abs(mean) * scale * x, _NONE))
    mills = (one + met) * (x + np.sqrt(x * x + np.float32(2.5464791)))
    return beyond - y - beyond * (one - left) * (one - np.float32(3.1915382) * met / mills)


@kernel
def _multiplicative(w, n, p, z, cycle):
    one, half = np.float32(1.0), np.float32(0.5)
    for i in range(BLOCK):
        up, count = mask(n[i] > np.float32(0.0)), abs(n[i])
        s, a = pick(up, p[0, i], p[4, i]), pick(up, p[1, i], p[5, i])
        pace, gain = pick(up, p[2, i], p[6, i]), pick(up, p[3, i], p[7, i])  # -ln(1 - a) / a, 1 / (1 - a)
        c = cycle * gain
        calm = one / (one + half * (a * c) * (a * c))  # the logarithm's variance is (a c)^2 calm a pulse
        along = count * (pace + half * a * c * c * calm) + c * np.sqrt(count * calm) * z[2, i]
        u = w[i] + p[10, i]
        x = clip(u + (s - a * u) * along * _bend(a * along), p[9, i], p[8, i])
        w[i] = pick(mask(count > np.float32(0.0)), x, u) - p[10, i]


@inlined
def _bend(x):
    """(1 - exp(-x)) / x, 1 at 0."""
    one = np.float32(1.0)
    few = one - x * np.float32(0.5) * (one - x * np.float32(1 / 3) * (one - x * np.float32(0.25)))
    return pick(mask(abs(x) < np.float32(0.1)), few, (one - exp(-x)) / x)


@kernel
def _hard(w, n, p, z, words, most, key, block, step, image, cycle):
    for chunk in range((most - _TAIL + _CHUNK - 1) // _CHUNK):
        normals(z, words, key, block, step, image, 2 + _TAIL + chunk, 1)
        _walk(w, n, p, z, words, np.float32(chunk * _CHUNK), cycle)
    normals(z, words, key, block, step, image, 2, min(most, _TAIL))
    zero, one = np.float32(0.0), np.float32(1.0)
    for i in range(BLOCK):
        up, pulses = mask(n[i] > zero), abs(n[i])
        s, a, noise = (
            pick(up, p[0, i], p[4, i]),
            pick(up, p[1, i], p[5, i]),
            pick(up, p[3, i], p[7, i]) * cycle,
        )
        high, low, u = p[8, i], p[9, i], w[i] + p[10, i]
        total = np.ceil(pulses)
        part = pulses - (total - one)
        x = clip(u + (s - a * u + noise * z[1, i]), low, high)
        u = pick(mask(total > one), x, u)
        x = clip(u + part * (s - a * u + noise * z[0, i]), low, high)
        w[i] = pick(mask(total > zero), x, u) - p[10, i]


@inlined
def _walk(w, n, p, z, words, done, cycle):
    """Up to _CHUNK pulses, then the bounds."""
    zero, one, two = np.float32(0.0), np.float32(1.0), np.float32(2.0)
    for i in range(BLOCK):
        up, total = mask(n[i] > zero), np.ceil(abs(n[i]))
        count = clip(total - np.float32(_TAIL) - done, zero, np.float32(_CHUNK))
        s, a = pick(up, p[0, i], p[4, i]), pick(up, p[1, i], p[5, i])
        along, noise = count * pick(up, p[2, i], p[6, i]), pick(up, p[3, i], p[7, i]) * cycle
        high, low, u = p[8, i], p[9, i], w[i] + p[10, i]
        steps = along * _bend(a * along)
        left = max(one - a * steps, zero)
        alike = steps * (one + left) / max(two - a, np.float32(1e-6))  # so many steps, were they not drawn
        x = u + (s - a * u) * steps + noise * np.sqrt(alike) * z[0, i]
        x = kept_between(u, x, low, high, noise, alike, words[0, i])
        w[i] = pick(mask(count > zero), x, u) - p[10, i]
