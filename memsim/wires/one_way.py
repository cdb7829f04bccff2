"""The array that an array with wires resembles, where each line has one end: its ladders without divisions.

Each ladder is climbed from its open end (:mod:`memsim.wires.lane_ladders`); bit lines twice, first for what
their drivers give, then for each node's share, band by band with the word lines, so that memory is met once.
"""

import numpy as np
from numba import prange

from memsim.devices.numerics.compile import bare, parallel_kernel
from memsim.wires.lane_ladders import FAR, climb, descend, survey
from memsim.wires.lanes import LANES, transpose

_BAND = 32  #: rows whose word lines are climbed side by side
_PARTS = 64  #: that the arrays are cut into; each has room of its own to work in


@parallel_kernel
def one_way_product(out, drops, sums, least, lost, g, left, right, top, bottom, word, bit, activity):
    """Fill `out` (N, R, C) with M, and drops (N, 2), sums (N, C) and least (N,) of
    :class:`memsim.wires.effective.Effective`; `lost` (N,): arrays that are not done, since one of their lines
    has another end or is beyond float64.

    Other arguments as the fields of a Network.
    """
    arrays, columns = len(g), g.shape[2]
    parts = min(arrays, _PARTS)
    for part in prange(parts):
        panel, back = np.zeros((columns, _BAND)), np.empty((_BAND, columns))
        source, volt, current = np.empty(_BAND), np.empty(columns), np.empty(columns)
        first, end = part * arrays // parts, (part + 1) * arrays // parts
        for a in range(first, end):
            lost[a] = _other_ends(left[a], right[a], word) + _other_ends(bottom[a], top[a], bit) > 0
        _arrays(
            first, end, out, drops, sums, least, lost, g, 1.0 / word, 1.0 / bit, activity, panel, back,
            source, volt, current,
        )  # fmt: skip


@bare
def _other_ends(near, far, segment):
    """How many lines of an array do not go to ground over one segment at the near end alone."""
    count = 0
    for n in range(len(near)):
        count += near[n] != segment or far[n] != 0.0
    return count


@bare
def _arrays(
    begin, stop, out, drops, sums, least, lost, g, r_word, r_bit, activity, panel, back, source, volt, current
):  # fmt: skip
    """Do what `one_way_product` does for the arrays from `begin` to `stop`."""
    _, rows, columns = g.shape
    for a in range(begin, stop):
        if lost[a]:
            continue
        survey(volt, current, g[a], rows, r_bit, activity)
        word_drop, bit_drop, low = 0.0, 0.0, np.inf
        for c in range(columns):
            lost[a] |= not np.isfinite(volt[c])
            bit_drop, low = max(bit_drop, (volt[c] - 1.0) / volt[c]), min(low, current[c])
            volt[c] = 1.0 / volt[c]
        current[:] = 0.0
        sums[a] = 0.0
        for start in range(0, rows, _BAND):
            band = min(_BAND, rows - start)
            _climb_words(back, source, panel, g[a], start, band, r_word)
            for k in range(band):
                lost[a] |= not np.isfinite(source[k])
                word_drop = max(word_drop, (source[k] - FAR) / source[k])
                source[k] = 1.0 / source[k]
            descend(out[a], g[a], start, back, source, band, volt, current, sums[a], r_bit, activity)
        drops[a, 0], drops[a, 1], least[a] = word_drop, bit_drop, low
        if activity < 1.0:
            sums[a] = 0.0
            for r in range(rows):
                _add_own(out[a, r], sums[a], g[a, r], (1.0 - activity) * r_bit * (rows - r))


@bare
def _climb_words(back, source, panel, g, start, band, r_word):
    """back (band, C): voltages of the word lines of `band` rows from `start`, of drivers at `source`."""
    columns = g.shape[1]
    whole_rows, whole_columns = band // LANES * LANES, columns // LANES * LANES
    for r in range(0, whole_rows, LANES):
        for c in range(0, whole_columns, LANES):
            transpose(panel, c * _BAND + r, _BAND, g, (start + r) * columns + c, columns)
    for r in range(band):
        for c in range(whole_columns if r < whole_rows else 0, columns):
            panel[c, r] = g[start + r, c]
    climb(panel, panel, columns, _BAND, r_word, 1.0, source)
    for r in range(0, whole_rows, LANES):
        for c in range(0, whole_columns, LANES):
            transpose(back, r * columns + c, columns, panel, c * _BAND + r, _BAND)
    for r in range(band):
        for c in range(whole_columns if r < whole_rows else 0, columns):
            back[r, c] = panel[c, r]


@bare
def _add_own(row, total, g, alone):
    """Put what a device's own current meets beyond the mean load, `alone` [ohm], into what it sends."""
    for c in range(len(row)):
        row[c] /= 1.0 + alone * g[c]
        total[c] += row[c]
