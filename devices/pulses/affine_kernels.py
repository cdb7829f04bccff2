"""One affine map per pulse, u <- clip(u + s - a u + noise), taken n pulses at a time: three kernels.

SOFT            noise s c xi, and the step vanishes at the bound, a = s / bound
HARD            noise of any size, not proportional to the step; the bounds stand anywhere
MULTIPLICATIVE  noise (s - a u) c xi

A kernel sees blocks of cells; which of the three is asked once for a block, never inside a loop.
"""

import numpy as np
from numba import prange

from memsim.devices.numerics.compile import inlined, kernel, parallel_kernel
from memsim.devices.numerics.philox import BLOCK, nearly_normals, normals
from memsim.devices.numerics.simd import along, clip, exp, mask, pick
from memsim.devices.numerics.walk import kept_between
from memsim.devices.pulses.kernel_parts import copy_in, copy_out, load

SOFT, HARD, MULTIPLICATIVE = 0, 1, 2

TAIL = 2  #: last pulses taken one by one at most
CHUNK = 8  #: pulses after which a hard bound acts
NONE = np.float32(-30.0)  #: a logarithm of nothing that squares without becoming denormal
FOLD = np.float32(0.5826)  #: Siegmund's correction: where a walk of unit steps clipped at 0 seems reflected


@parallel_kernel
def rewrite_blocks(out, start, fresh, packed, pulses, keys, images, steps, reset, write, cycle, law, tail):
    """Reset (or begin from `start`), pulse, add write noise; packed (arrays, blocks, 12, BLOCK).

    The last `tail` pulses are taken one by one: 1 for MULTIPLICATIVE, TAIL for HARD, either for SOFT. Rows of
    a block: s, a, two of the law's own for up, the same for down, then upper bound, lower bound,
    reference (u = w + reference) and reset level.
    """
    blocks = packed.shape[1]
    for job in prange(out.shape[0] * blocks):
        array, block = job // blocks, job % blocks
        p, key = packed[array, block], keys[array]
        all_of_it, words = np.zeros((8 + TAIL, BLOCK), np.float32), np.empty((1, BLOCK), np.uint32)
        w, n, room, z = all_of_it[0], all_of_it[1], all_of_it[2:5], all_of_it[5:]
        for m in range(out.shape[1]):
            step, image = steps[m % len(steps)], images[m // len(steps)]
            most = load(n, pulses, array, m, block)
            nearly_normals(z, key, block, step, image, 0, 1 if write == np.float32(0.0) else 2)
            if most > 0:
                own = min(most, tail + (law == SOFT and not fresh))
                nearly_normals(z[2:], key, block, step, image, 2, own)
            if fresh:
                for i in range(BLOCK):
                    w[i] = clip(p[11, i] + reset * z[0, i], p[9, i], p[8, i])
            else:
                copy_in(w, start, array, m, block)
            if most > 0:
                if law == SOFT:
                    if fresh:
                        _soft(w, n, p, z[0], z[2:], reset, cycle, tail, room)
                    else:
                        _soft(w, n, p, z[2 + tail], z[2:], np.float32(0.0), cycle, tail, room)
                elif law == MULTIPLICATIVE:
                    _multiplicative(w, n, p, z[2], cycle)
                else:
                    _hard(w, n, p, z[2:], room[:1], words, most, key, block, step, image, cycle)
            for i in range(BLOCK):
                w[i] += write * z[1, i]
            copy_out(out, w, array, m, block)


@kernel
def _soft(w, n, p, first, z, reset, cycle, tail, t):
    """Many pulses at a stroke, the last ones one by one; t (3, BLOCK) is room to work in.

    All of it in d, the distance from the bound ahead, of which a pulse takes a part: d <- d - a d + noise.
    Where many pulses leave a device that stood inside its bound: reflection at the mirror, FOLD of a
    step's noise beyond the bound, of a walk that is drawn to the bound itself. Were it drawn to the mirror,
    its distance y from there would be abs(mean - spread xi). It stays further in, by the mirror's depth times
    (1 - left) where the mirror was never met, and where it was by the share that turns y into the stationary
    law, a cut normal. xi is `first`: after a reset that of the reset, the spread scaled so that both have
    their joint variance. Loops are short: in a long one a cell waits for its chain of roots and exponentials.
    """
    zero, one = np.float32(0.0), np.float32(1.0)
    left, spread, d = t[0], t[1], t[2]
    for i in range(BLOCK):
        down = mask(n[i] < zero)
        rate, wide = pick(down, p[6, i], p[2, i]), pick(down, p[7, i], p[3, i]) * cycle
        ahead = max(np.ceil(abs(n[i])) - np.float32(tail), zero)
        left[i] = exp(max(ahead * rate, NONE))
        before = left[i] * reset
        joint = np.sqrt(max(wide * wide * (one - left[i] * left[i]), zero) + before * before)
        spread[i] = max(joint - before, np.float32(1e-12))
    for i in range(BLOCK):
        # met: odds exp(-2 mean y / spread^2) that the mirror was met, given both ends. Mills' ratio of x is
        # near 2 / (x + sqrt(x^2 + 8 / pi)); the stationary law keeps 1 - sqrt(2 / pi) Mills of the drift.
        down = mask(n[i] < zero)
        beyond = FOLD * cycle * abs(pick(down, p[4, i], p[0, i]))
        gap = pick(down, -p[9, i], p[8, i]) - along(w[i] + p[10, i], n[i])
        mean = (gap + beyond) * left[i]
        y = abs(mean - spread[i] * along(first[i], n[i]))
        scale = one / spread[i]
        x = y * scale
        met = exp(max(-np.float32(2.0) * abs(mean) * scale * x, NONE))
        mills = (one + met) * (x + np.sqrt(x * x + np.float32(2.5464791)))
        share = (one - left[i]) * (one - np.float32(3.1915382) * met / mills)
        jumped = clip(y - beyond * (one - share), zero, p[8, i] - p[9, i])
        d[i] = pick(mask(abs(n[i]) > np.float32(tail)), jumped, gap)
    if tail == TAIL:
        for i in range(BLOCK):
            down, reach = mask(n[i] < zero), p[8, i] - p[9, i]
            s, a = pick(down, p[4, i], p[0, i]), pick(down, p[5, i], p[1, i])
            x = clip(d[i] - a * d[i] + abs(s) * cycle * z[1, i], zero, reach)
            d[i] = pick(mask(abs(n[i]) > one), x, d[i])
    for i in range(BLOCK):
        down, pulses = mask(n[i] < zero), abs(n[i])
        s, a = pick(down, p[4, i], p[0, i]), pick(down, p[5, i], p[1, i])
        reach, noise = p[8, i] - p[9, i], abs(s) * cycle
        part = pulses - (np.ceil(pulses) - one)  # of the last pulse: 1 unless n has a fraction
        x = clip(d[i] + part * (noise * z[0, i] - a * d[i]), zero, reach)
        x = along(pick(down, -p[9, i], p[8, i]) - x, n[i]) - p[10, i]
        w[i] = pick(mask(pulses > zero), x, w[i])


@kernel
def _multiplicative(w, n, p, z, cycle):
    one, half = np.float32(1.0), np.float32(0.5)
    for i in range(BLOCK):
        up, count = mask(n[i] > np.float32(0.0)), abs(n[i])
        s, a = pick(up, p[0, i], p[4, i]), pick(up, p[1, i], p[5, i])
        pace, gain = pick(up, p[2, i], p[6, i]), pick(up, p[3, i], p[7, i])  # -ln(1 - a) / a, 1 / (1 - a)
        c = cycle * gain
        calm = one / (one + half * (a * c) * (a * c))  # the logarithm's variance is (a c)^2 calm a pulse
        along = count * (pace + half * a * c * c * calm) + c * np.sqrt(count * calm) * z[i]
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
def _hard(w, n, p, z, xi, words, most, key, block, step, image, cycle):
    for chunk in range((most - TAIL + CHUNK - 1) // CHUNK):
        normals(xi, words, key, block, step, image, 2 + TAIL + chunk, 1)
        _walk(w, n, p, xi, words, np.float32(chunk * CHUNK), cycle)
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
    """Up to CHUNK pulses, then the bounds."""
    zero, one, two = np.float32(0.0), np.float32(1.0), np.float32(2.0)
    for i in range(BLOCK):
        up, total = mask(n[i] > zero), np.ceil(abs(n[i]))
        count = clip(total - np.float32(TAIL) - done, zero, np.float32(CHUNK))
        s, a = pick(up, p[0, i], p[4, i]), pick(up, p[1, i], p[5, i])
        along, noise = count * pick(up, p[2, i], p[6, i]), pick(up, p[3, i], p[7, i]) * cycle
        high, low, u = p[8, i], p[9, i], w[i] + p[10, i]
        steps = along * _bend(a * along)
        left = max(one - a * steps, zero)
        alike = steps * (one + left) / max(two - a, np.float32(1e-6))  # so many steps, were they not drawn
        x = u + (s - a * u) * steps + noise * np.sqrt(alike) * z[0, i]
        x = kept_between(u, x, low, high, noise, alike, words[0, i])
        w[i] = pick(mask(count > zero), x, u) - p[10, i]
