"""The array that an array with wires resembles, where each line has one end: its ladders without divisions.

A ladder is climbed from its open end, where 1 V is taken to stand, to its driver: every sum is of positive
terms, and what the driver then has to give is the one number that a line is divided by.
"""

import numpy as np
from numba import prange

from memsim.devices.numerics.compile import bare, parallel_kernel
from memsim.wires.lanes import FAR, LANES, climb, descend, transpose

_BAND = 32  #: rows whose word lines are climbed side by side
_PARTS = 64  #: that the arrays are cut into; each has room of its own to work in


@parallel_kernel
def one_way_product(out, drops, sums, least, g, r_word, r_bit, activity):
    """Fill `out` (N, R, C) with M, and drops (N, 2), sums (N, C) and least (N,) of
    :class:`memsim.wires.effective.Effective`; returns how many lines are beyond float64.

    g (N, R, C) [S]; word lines are driven before the first column, bit lines grounded after the last row.
    """
    arrays, rows, columns = g.shape
    parts, lost = min(arrays, _PARTS), 0
    for part in prange(parts):
        panel, back = np.zeros((columns, _BAND)), np.empty((_BAND, columns))
        source, volt, current, low = np.empty(_BAND), np.empty(columns), np.empty(columns), np.empty(columns)
        lost += _arrays(
            part * arrays // parts, (part + 1) * arrays // parts, out, drops, sums, least, g, r_word, r_bit,
            activity, panel, back, source, volt, current, low,
        )  # fmt: skip
    return lost


@bare
def _arrays(
    begin, stop, out, drops, sums, least, g, r_word, r_bit, activity, panel, back, source, volt, current, low
):  # fmt: skip
    """Do what `one_way_product` does for the arrays from `begin` to `stop`."""
    (_, rows, columns), beyond = g.shape, 0
    for a in range(begin, stop):
        volt[:] = 1.0
        current[:] = 0.0
        word_drop, bit_drop = 0.0, 0.0
        for start in range(0, rows, _BAND):
            band = min(_BAND, rows - start)
            _climb_words(back, source, panel, g[a], start, band, r_word)
            for k in range(band):
                beyond += not np.isfinite(source[k])
                word_drop = max(word_drop, (source[k] - FAR) / source[k])
                source[k] = 1.0 / source[k]
            at = (a * rows + start) * columns
            descend(out, g, at, back, source, band, volt, current, r_bit, activity)
            _descend_rest(out[a], g[a], start, back, source, band, volt, current, r_bit, activity)
        for c in range(columns):
            beyond += not np.isfinite(volt[c])
            bit_drop = max(bit_drop, (volt[c] - 1.0) / volt[c])
            volt[c] = 1.0 / volt[c]
        drops[a, 0], drops[a, 1] = word_drop, bit_drop
        sums[a] = 0.0
        low[:] = np.inf
        for r in range(rows):
            _finish(out[a, r], sums[a], volt, low, g[a, r], (1.0 - activity) * r_bit * (rows - r))
        least[a] = low[0]
        for c in range(1, columns):
            least[a] = min(least[a], low[c])
    return beyond


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
def _descend_rest(out, g, start, u, share, rows, volt, current, ohm, load):
    """:func:`memsim.wires.lanes.descend` of the columns that it leaves out."""
    for c in range(len(volt) // LANES * LANES, len(volt)):
        for k in range(rows):
            drawn = g[start + k, c] * volt[c]
            out[start + k, c] = share[k] * u[k, c] * drawn
            current[c] += load * drawn
            volt[c] += ohm * current[c]


@bare
def _finish(row, total, share, low, g, alone):
    """Divide by what drives the bit lines, add up; alone: resistance [ohm] that a device's own current meets
    beyond the mean load.
    """
    if alone > 0.0:
        for c in range(len(row)):
            row[c] /= 1.0 + alone * g[c]
    for c in range(len(row)):
        row[c] *= share[c]
        total[c] += row[c]
    for c in range(len(row)):
        low[c] = low[c] if low[c] < g[c] else g[c]
