"""What the kernels of pulsed laws share: counts and states of one block of cells, in and out."""

import numpy as np

from memsim.devices.numerics.compile import inlined
from memsim.devices.numerics.philox import BLOCK, nearly_normals
from memsim.devices.numerics.simd import clip
from memsim.devices.pulses.line_pulses import look_up


@inlined
def load(n, pulses, array, write, block):
    """Fill `n` with one block of counts, as it is beyond the array's end; returns the largest, rounded up."""
    look_up(n, pulses, array, write, block * BLOCK)
    most = np.int32(0)
    for i in range(BLOCK):
        most = max(most, np.int32(np.ceil(abs(n[i]))))
    return most


@inlined
def copy_in(w, start, array, write, block):
    """Begin from given states instead of a reset: those of this write, or the one state all begin from."""
    part = start[array, min(write, start.shape[1] - 1), block * BLOCK : (block + 1) * BLOCK]
    for i in range(len(part)):
        w[i] = part[i]


@inlined
def copy_out(out, w, array, write, block):
    """Store one block of states."""
    part = out[array, write, block * BLOCK : (block + 1) * BLOCK]
    for i in range(len(part)):
        part[i] = w[i]


@inlined
def begin(w, n, seen, z, p, start, fresh, pulses, array, write, block, key, image, step, reset, noise):
    """Begin one write of a block: counts, noise of what a read sees, and a reset or the given state; returns
    the largest count.

    The last three rows of p are upper bound, lower bound and reset level; reset and noise their spreads [w].
    """
    most, last = load(n, pulses, array, write, block), len(p) - 1
    nearly_normals(z, key, block, step, image, 0, 1 if noise == np.float32(0.0) else 2)
    for i in range(BLOCK):
        seen[i] = noise * z[1, i]
    if fresh:
        for i in range(BLOCK):
            w[i] = clip(p[last, i] + reset * z[0, i], p[last - 1, i], p[last - 2, i])
    else:
        copy_in(w, start, array, write, block)
    return most


@inlined
def finish(out, w, seen, array, write, block):
    """Store one block of states as a read sees them."""
    for i in range(BLOCK):
        w[i] += seen[i]
    copy_out(out, w, array, write, block)
