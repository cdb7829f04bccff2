"""Numba kernels for the max-pool of spikes with side 2 or 3 and stride 2, channels last, and its gradient.

Maps are (B, h, w, C), float32 or bf16 stored as uint16; spikes are 0 or 1. As in torch, the gradient goes to
the first spike of a window in row order, or to its first position if there is no spike.
"""

import numpy as np
from numba import prange

from memsim.devices.numerics.compile import bare, parallel_kernel
from memsim.models.parts.bits16 import one_of, put, real

NONE = np.uint8(255)  #: marks that there is no position


@bare
def _window(spikes, image, y, x, side, at):
    """Fill at (C) with the position of the first spike in a window, 255 if there is none.

    Returns the first position of the window that lies inside the map.
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
    """Fill out (B, h', w', C) and first, the position in each window that receives the gradient, uint8."""
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
    """Fill out (B, h, w, C) with the gradient of the spikes for that of the pooled spikes (B, h', w', C)."""
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
