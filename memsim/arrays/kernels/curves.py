"""The curve of one ADC applied to one current: `memsim.converters.curve.converted`, compiled by numba."""

import numpy as np

from memsim.converters.curve import Row
from memsim.devices.numerics.compile import bare

OFFSET, SLOPE, BOW, SKEW, BEND = (int(row) for row in (Row.OFFSET, Row.SLOPE, Row.BOW, Row.SKEW, Row.BEND))
COUNTS, STEP, ZERO, SCALE = (int(row) for row in (Row.COUNTS, Row.STEP, Row.ZERO, Row.SCALE))
MIDDLE, CAPACITORS = int(Row.MIDDLE), int(Row.CAPACITORS)

_1, _half = np.float32(1.0), np.float32(0.5)


@bare
def number_of(x, curve, c, levels):
    """The number [steps] that column c's ADC gives for x steps, and whether it clipped.

    curve (P, C); levels = 0: codes are neither whole nor clipped.
    """
    u = min(max(x * curve[STEP, c], -_1), _1)
    bend = curve[BEND, c]
    y = curve[OFFSET, c] + curve[SLOPE, c] * x * ((_1 + bend) / (_1 + bend * abs(u)))
    y += (_1 - u * u) * (curve[BOW, c] + curve[SKEW, c] * u)
    counts, bits = curve[COUNTS, c] > 0, len(curve) - CAPACITORS
    code, limit = y, levels + (_1 if counts else _half)
    if bits > 0:
        middle, weight = curve[MIDDLE, c], np.float32(2.0 ** (bits - 1))
        left, code = y + middle + _half, -middle
        for n in range(bits):
            if left >= curve[CAPACITORS + n, c]:
                left -= curve[CAPACITORS + n, c]
                code += weight
            weight *= _half
        if levels == 0:
            code += left - _half
    elif levels > 0:
        code = np.trunc(y) if counts else np.rint(y)
    clipped = np.int32(0)
    if levels > 0:
        clipped = np.int32(abs(y) > limit)
        code = min(max(code, -levels), levels)
    return (code - curve[ZERO, c]) * curve[SCALE, c], clipped
