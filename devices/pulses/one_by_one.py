"""Laws without a closed form take their pulses one by one: the cells that take any stand in order, the most
first, so that none waits for another's pulses.
"""

import numpy as np

from memsim.devices.numerics.compile import kernel
from memsim.devices.numerics.philox import BLOCK

WIDE = 16  #: slots that are computed together
GROUP = 4  #: pulses whose noise is drawn at once, by :func:`memsim.devices.numerics.philox.nearly_normals_of`


@kernel
def order(cells, n, most, room):
    """Put the cells with pulses into slots, cells[slot], so that abs(n) falls from slot to slot; returns how
    many take more than p pulses, p = 0 .. most.  Room to work in: (2, BLOCK + 1).

    A counting sort, even and odd places apart: in one list each would wait for the store before it.
    """
    cell, count = room[0], room[1]
    table = np.zeros((3, most + 1), np.uint32)
    even, odd, more = table[0], table[1], table[2]
    one, found = np.uint32(1), np.uint32(0)
    for i in range(BLOCK):
        cell[found], count[found] = i, max(np.int32(np.ceil(abs(n[i]))), 0)  # no number: none
        found += np.uint32(n[i] != np.float32(0.0))
    cell[found], count[found] = 0, 0  # makes a pair of a last one; comes after all others
    pairs = (found + one) // np.uint32(2)
    for i in range(pairs):
        even[count[2 * i]] += one
        odd[count[2 * i + 1]] += one
    before = np.uint32(0)
    for pulses in range(most, -1, -1):
        more[pulses], after = before, before + even[pulses]
        even[pulses], before = before, after + odd[pulses]
        odd[pulses] = after
    for i in range(pairs):
        a, b = count[2 * i], count[2 * i + 1]
        x, y = even[a], odd[b]
        cells[x], cells[y] = cell[2 * i], cell[2 * i + 1]
        even[a], odd[b] = x + one, y + one
    return more
