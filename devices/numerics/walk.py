"""A noisy walk between two bounds, many steps at once."""

import numpy as np

from memsim.devices.numerics.compile import inlined
from memsim.devices.numerics.simd import clip, log

_FOLD = np.float32(0.5826)  #: Siegmund's correction: a walk of unit steps overshoots a level by that less


@inlined
def kept_between(begin, end, low, high, noise, count, word):
    """Where a walk that is clipped after every step stands, given the ends of the free one.

    Between its ends the free walk is a Brownian bridge of variance noise^2 count; the clipped walk stands
    where the free one would, less what that overshot at its highest, more what it undershot at its lowest.
    Twelve bits of `word`, the last that a normal number was made from, choose the extreme; it is taken for
    both sides, of which seldom more than one matters.
    """
    zero, half, two = np.float32(0.0), np.float32(0.5), np.float32(2.0)
    chance = (np.float32((word >> np.uint32(1)) & np.uint32(0xFFF)) + half) * np.float32(1 / 4096)
    apart, middle = end - begin, half * (begin + end)
    reach = half * np.sqrt(apart * apart - two * noise * noise * count * log(chance)) - _FOLD * noise
    reach = max(reach, half * abs(apart))
    over, under = max(middle + reach - high, zero), max(low - middle + reach, zero)
    return clip(end - over + under, low, high)
