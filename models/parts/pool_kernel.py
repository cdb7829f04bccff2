"""Max-pool of side 2 or 3 and stride 2 over maps of spikes, channels last: numba kernels, and their gradient.

Maps are (B, h, w, C), float32 or the bits of bf16 in uint16; spikes are 0 or 1, so the maximum is an OR. The
gradient goes to the first spike of a window in order of rows, or to its first place where there is none:
torch's rule.
"""

import numpy as np
from numba import prange

from memsim.devices.numerics.compile import bare, parallel_kernel
from memsim.models.parts.bits16 import one_of, put, real

NONE = np.uint8(255)  #: no place of a window


@bare
def _window(spikes, image, y, x, side, at):
    """Put the place of the first spike of a window into at (C), 255 where there is none; returns the first
    place inside the map.
    """
    height, width, edge = spikes.shape[1], spikes.shape[2], (side - 1) // 2
    for c in range(len(at)):
        at[c] = NONE
    inside = NONE
    for place in range(side * side):
        i, j = 2 * y - edge + place // side, 2 * x - edge + place % side
        if i < 0 or j < 0 or i >= height or j >= width:
            continue
        here, s = np.uint8(place), spikes[image, i, j]
        inside = min(inside, here)
        for c in range(len(at)):
            at[c] = min(at[c], here if s[c] != 0 else NONE)
    return inside


@parallel_kernel
def pool(spikes, out, first, side, blocks):
    """Fill out (B, h', w', C) and first, the place in the window that counts, row by row, uint8."""
    rows, one = len(spikes) * out.shape[1], one_of(out)
    for block in prange(blocks):
        for number in range(block * rows // blocks, (block + 1) * rows // blocks):
            image, y = number // out.shape[1], number % out.shape[1]
            for x in range(out.shape[2]):
                o, at = out[image, y, x], first[image, y, x]
                inside = _window(spikes, image, y, x, side, at)
                for c in range(len(at)):
                    o[c] = one if at[c] != NONE else 0
                for c in range(len(at)):
                    at[c] = at[c] if at[c] != NONE else inside


@parallel_kernel
def pool_back(grad, first, out, side, blocks):
    """Fill out (B, h, w, C) with the gradient of the spikes from that of the pooled ones (B, h', w', C)."""
    images, height, width, channels = out.shape
    edge = (side - 1) // 2
    for block in prange(blocks):
        total = np.empty(channels, np.float32)
        for number in range(block * images * height // blocks, (block + 1) * images * height // blocks):
            image, i = number // height, number % height
            for j in range(width):
                total[:] = 0
                for y in range(max(0, (i + edge - side + 2) // 2), min(grad.shape[1], (i + edge) // 2 + 1)):
                    for x in range(
                        max(0, (j + edge - side + 2) // 2), min(grad.shape[2], (j + edge) // 2 + 1)
                    ):
                        place = (i + edge - 2 * y) * side + (j + edge - 2 * x)
                        g, at = grad[image, y, x], first[image, y, x]
                        for c in range(channels):
                            total[c] += real(g[c]) if at[c] == place else np.float32(0)
                o = out[image, i, j]
                for c in range(channels):
                    put(o, c, total[c])
