"""Numbers through the DACs of rows, in one pass over memory."""

import numpy as np
from numba import prange

from memsim.devices.numerics.compile import parallel_kernel


@parallel_kernel
def convert_rows(x, peak, codes, signed, out):
    """out = x rounded to a DAC's grid, in units of the read voltage; returns how many numbers it clipped.

    x, out (T, S, B, F); of each chip (S,): peak, the largest number, and codes, -codes to codes, or from 0
    where it is not signed.
    """
    steps, chips, count, values = x.shape
    clipped = 0
    for job in prange(steps * chips * count):
        b, s, t = job % count, job // count % chips, job // count // chips
        levels, most = codes[s], peak[s] * np.float32(1 + 1e-6)
        step, low = peak[s] / levels, -levels if signed[s] else np.float32(0.0)
        least = -most if signed[s] else -peak[s] * np.float32(1e-6)
        own, over = np.float32(1.0) / peak[s], np.int32(0)
        for f in range(np.uint64(values)):
            number = x[t, s, b, f]
            code = min(max(np.rint(number / step), low), levels)
            over += np.int32(number > most) + np.int32(number < least)
            out[t, s, b, f] = code * step * own
        clipped += over
    return clipped
