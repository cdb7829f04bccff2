r"""Sweeps over the lines of arrays whose rows are all driven: exact to any wanted digit, many inputs at once.

With W, T the tridiagonal matrices of the word and bit lines (devices on their diagonals), the node voltages
obey ``W U = G B + drivers`` and ``T B = G U``.  With P = W^-1 G and Q = T^-1 G that is

    U = U_0 + P Q U,    U_0 = V_i u_ij,    I_j = sum_i t_ij G_ij U_ij    (u, t: :mod:`memsim.wires.ladder`)

P and Q are not negative (W, T are M-matrices) and P 1 = 1 - u, Q 1 = 1 - t, so that in the maximum norm

    |P Q| <= rho = max(1 - u) max(1 - t) < 1.

A sweep puts the last U into the right-hand side.  Since no node exceeds max |V|, k sweeps from U_0 leave

    |I_j - I_j^(k)| <= rho^(k + 1) max |V| sum_i t_ij G_ij,

for any inputs.  With one driver, rho <= r_word r_bit g_max^2 C (C + 1) R (R + 1) / 4, about kappa^2 / 4.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics.compile import inlined, match_threads, parallel_kernel
from memsim.devices.numerics.operation import operation
from memsim.wires.lanes import LANES, mix
from memsim.wires.line_solve import solve_lines

_BAND = 4  #: rows whose recurrences run side by side


@operation
def sweep_currents(
    voltage: Tensor, g: Tensor, u: Tensor, through: Tensor, ends: Tensor, word: float, bit: float, sweeps: int
) -> Tensor:
    """Return the currents (A, B, C) [A] of voltages (A, B, R) [V] after `sweeps` sweeps.

    g (A, R, C) [S]; u [1] and through = t g [S] of the ladders; `word`, `bit`: conductance of a segment [S];
    `ends` (4): conductance to ground at the left, right, top and bottom ends of the lines [S].
    """
    left, right, top, bottom = ends.tolist()
    own = voltage[..., None] * u[:, None]  # (A, B, R, C)
    devices = g[:, None]
    turned = devices.transpose(-1, -2)
    x = own
    for _ in range(sweeps):
        b = solve_lines(turned, bit, top, bottom, (devices * x).transpose(-1, -2)).transpose(-1, -2)
        x = own + solve_lines(devices, word, left, right, devices * b)
    return (through[:, None] * x).sum(-2)


@sweep_currents.kernel("cpu", torch.float64)
def _(voltage, g, u, through, ends, word, bit, sweeps):
    arrays, inputs = voltage.shape[:2]
    given = [x.detach().contiguous().numpy() for x in (voltage, g, u, through)]
    out = np.empty((arrays, inputs, g.shape[2]), np.float64)
    parts = np.empty((arrays, 6, *g.shape[1:]), np.float64)
    match_threads()
    _factor(parts, given[1], *ends.tolist(), word, bit)
    _sweep(out, given[0], given[2], given[3], parts, sweeps)
    return torch.from_numpy(out)


@parallel_kernel
def _factor(parts, g, left, right, top, bottom, word, bit):
    """Pivots d of the lines, as G / d and g / d: word lines, bit lines downwards, bit lines upwards."""
    rows, columns = g.shape[1:]
    for a in prange(len(g)):
        y = np.zeros(rows)
        for c in range(columns):
            for r in range(rows):
                y[r] = g[a, r, c] + (y[r] * word / (word + y[r]) if c > 0 else left)
                d = 1.0 / (y[r] + (word if c < columns - 1 else right))
                parts[a, 0, r, c], parts[a, 1, r, c] = g[a, r, c] * d, word * d
        for way in range(2):
            begin, end = (top, bottom) if way == 0 else (bottom, top)
            z = np.zeros(columns)
            for step in range(rows):
                r = step if way == 0 else rows - 1 - step
                for c in range(columns):
                    z[c] = g[a, r, c] + (z[c] * bit / (bit + z[c]) if step > 0 else begin)
                    d = 1.0 / (z[c] + (bit if step < rows - 1 else end))
                    parts[a, 2 + 2 * way, r, c], parts[a, 3 + 2 * way, r, c] = g[a, r, c] * d, bit * d


@parallel_kernel
def _sweep(out, voltage, u, through, parts, sweeps):
    """A pass down eliminates the bit lines from the top, a pass up from the bottom: each substitutes back
    what the last one left, solves the word lines, eliminates for the next, so memory is read once a sweep.
    """
    arrays, inputs, rows = voltage.shape
    columns, blocks = u.shape[2], (inputs + LANES - 1) // LANES
    for job in prange(arrays * blocks):
        a, first = job // blocks, job % blocks * LANES
        many = min(LANES, inputs - first)
        drive = np.zeros(rows * LANES)
        for lane in range(many):
            for r in range(rows):
                drive[r * LANES + lane] = voltage[a, first + lane, r]
        total = np.zeros(columns * LANES)
        z = np.zeros((rows + 2) * columns * LANES)  # row r stands at r + 1, between two rows of zeros
        x = np.zeros(_BAND * columns * LANES)
        b = np.zeros((_BAND + 1) * columns * LANES)  # bit lines of a band, after those of the row before it
        for sweep in range(sweeps + 1):
            down = sweep % 2 == 0
            b[:] = 0.0
            for start in range(0, rows, _BAND):
                band = min(_BAND, rows - start)
                top = start if down else rows - start - band
                if sweep > 0:
                    _substitute(b, z, parts[a, 5 if down else 3], top, band, down, columns)
                    _words(x, b, parts[a, 0], parts[a, 1], top, band, down, columns)
                for k in range(band):
                    r = top + (k if down else band - 1 - k)
                    row = k * columns * LANES
                    for c in range(columns):
                        mix(x, row + c * LANES, u[a, r, c], drive, r * LANES, 1.0, x, row + c * LANES)
                    if sweep < sweeps:
                        way = 2 if down else 4
                        _eliminate(z, x, row, parts[a, way, r], parts[a, way + 1, r], r, down, columns)
                    else:
                        for c in range(columns):
                            part = c * LANES
                            mix(total, part, through[a, r, c], x, row + part, 1.0, total, part)
                if sweep == 0:
                    x[:] = 0.0
        for lane in range(many):
            for c in range(columns):
                out[a, first + lane, c] = total[c * LANES + lane]


@inlined
def _substitute(b, z, e, top, band, down, columns):
    """Bit lines of a band of rows: voltages of what the last pass eliminated, in the order of this one."""
    step = columns * LANES
    for c in range(columns):  # only the last band is shorter, so the row before stands at _BAND
        mix(b, c * LANES, 1.0, b, _BAND * step + c * LANES, 0.0, b, c * LANES)
    for k in range(band):
        r = top + (k if down else band - 1 - k)
        for c in range(columns):
            at = c * LANES
            mix(b, (k + 1) * step + at, 1.0, z, (r + 1) * step + at, e[r, c], b, k * step + at)


@inlined
def _words(x, b, q, e, top, band, down, columns):
    """Voltages of the word lines of a band of rows that the bit lines' voltages b cause."""
    step = columns * LANES
    for k in range(band):
        r = top + (k if down else band - 1 - k)
        mix(x, k * step, q[r, 0], b, (k + 1) * step, 0.0, b, 0)
    for c in range(1, columns):
        for k in range(band):
            r = top + (k if down else band - 1 - k)
            at = k * step + c * LANES
            mix(x, at, q[r, c], b, at + step, e[r, c], x, at - LANES)
    for c in range(columns - 2, -1, -1):
        for k in range(band):
            r = top + (k if down else band - 1 - k)
            at = k * step + c * LANES
            mix(x, at, 1.0, x, at, e[r, c], x, at + LANES)


@inlined
def _eliminate(z, x, row, q, e, r, down, columns):
    """Bit lines at a row: z = (G U + g z of the row before) / d, in the order of this pass."""
    to = (r + 1) * columns * LANES
    past = (r if down else r + 2) * columns * LANES
    for c in range(columns):
        mix(z, to + c * LANES, q[c], x, row + c * LANES, e[c], z, past + c * LANES)
