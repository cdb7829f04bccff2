r"""Arrays of plastic devices beside references, or of pairs, read along resistive lines.

Driven lines j cross sensed lines i in a device G_ij and, side by side with it, its partner: a fixed reference
or the other device of a pair.  Drivers stand at the first i, sensed lines end in virtual ground at the first
j; what is found for each is M of :mod:`memsim.wires.tiles`, what it sends out of the array for 1 V.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics.compile import bare, match_threads, parallel_kernel
from memsim.devices.numerics.operation import operation
from memsim.wires.lane_ladders import climb
from memsim.wires.lanes import LANES, transpose, turn
from memsim.wires.lines import Lines
from memsim.wires.tiles import pairs_through_lines


class Crossing(NamedTuple):
    """What arrays of crosspoints are, G = rest + w unit: numbers of devices and of lines."""

    rest: float  #: conductance of the state 0 [S]
    unit: float  #: conductance of one unit of the state [S]
    reference: float  #: conductance of the partner, where it is none of a pair [S]
    r_word: float  #: a segment of a driven line [ohm]
    r_bit: float  #: a segment of a sensed line [ohm]
    activity: float  #: share of lines driven at once, the others switched off [1]; 1: the others at 0 V

    @property
    def floor(self) -> float:
        """The state whose conductance is 0."""
        return -self.rest / self.unit


class Seen(NamedTuple):
    """What a read finds: states w' of devices, or of both sides of pairs; sums over i of the true, floored
    states on every driven line j; how many were floored, one number.
    """

    plus: Tensor
    minus: Tensor
    column: Tensor
    floors: Tensor


@operation
def seen_states(plus: Tensor, minus: Tensor, crossing: Crossing) -> Seen:
    """Return the states that devices seem to have when they are read along lines.

        w' = (M - M_reference + reference - rest) / unit,   of a pair w'+- = (M+- - rest) / unit

    plus, minus: states w (..., M, N), the last axis along a sensed line; an empty `minus` stands for
    references.  With lines of 0 ohm w' = max(w, floor).  float32 is computed in float64.
    """
    size, (rest, unit, reference, r_word, r_bit, activity) = plus.shape[-2:], crossing
    kept = [w.clamp(min=crossing.floor) for w in ((plus, minus) if minus.numel() else (plus,))]
    lines = Lines(r_word, r_bit, "off" if activity < 1.0 else "grounded")
    siemens = [(rest + w.double() * unit).reshape(-1, *size).transpose(1, 2) for w in kept]
    partner = siemens[1] if minus.numel() else torch.full_like(siemens[0], reference)
    m = pairs_through_lines(siemens[0], partner, lines, (1, 1), activity)
    first, second = (x.transpose(1, 2).reshape(plus.shape) for x in m)
    if minus.numel():
        found = ((first - rest) / unit, (second - rest) / unit)
    else:
        found = ((first - second + reference - rest) / unit, minus)
    column = torch.stack([w.sum(-2) for w in kept]).sum(0)
    floors = (plus < crossing.floor).sum() + (minus < crossing.floor).sum()
    return Seen(found[0].to(plus.dtype), found[1].to(plus.dtype), column, floors)


@seen_states.kernel("cpu", torch.float32)
def _(plus, minus, crossing):
    size = plus.shape[-2:]
    first, second = torch.empty_like(plus), torch.empty_like(minus)
    column = torch.empty((*plus.shape[:-2], size[1]), dtype=torch.float32)
    match_threads()
    floors, lost = _seen(
        first.view(-1, *size).numpy(), second.view(-1, *size).numpy(), column.view(-1, size[1]).numpy(),
        plus.contiguous().view(-1, *size).numpy(), minus.contiguous().view(-1, *size).numpy(), *crossing,
    )  # fmt: skip
    if lost:  # lines so long that the voltage of their far end is no number beside that of their driver
        return seen_states.meaning(plus, minus, crossing)
    return Seen(first, second, column, torch.tensor(floors))


_PARTS = 64  #: that the arrays are cut into; each has room of its own to work in


@parallel_kernel
def _seen(first, second, column, plus, minus, rest, unit, reference, r_word, r_bit, activity):
    """Fill `first`, `second` and `column`; returns how many states were floored, and driven lines whose
    voltages are beyond float64.
    """
    (arrays, sensed, driven), paired = plus.shape, len(minus) > 0
    width = (max(sensed, driven) + LANES - 1) // LANES * LANES
    parts, floors, lost = min(arrays, _PARTS), 0, 0
    for part in prange(parts):
        g = np.zeros((2 * width, width))  # of sensed lines: devices and partners in turn
        volt, send = np.empty((2 * width, width)), np.empty((2, width, width))
        turned, share = np.zeros((width, width)), np.empty((width, width))
        drive, end, total = np.empty(width), np.empty(width), np.empty(driven, np.float32)
        if not paired:
            for i in range(sensed):
                g[2 * i + 1] = reference
            _send(send[1], g, 1, driven, turned, share, end, r_bit, activity)
        low, beyond = _see_arrays(
            part * arrays // parts, (part + 1) * arrays // parts, first, second, column, plus, minus, rest,
            unit, reference, r_word, r_bit, activity, g, volt, send, turned, share, drive, end, total,
        )  # fmt: skip
        floors += low
        lost += beyond
    return floors, lost


@bare
def _see_arrays(
    begin, stop, first, second, column, plus, minus, rest, unit, reference, r_word, r_bit, activity, g, volt,
    send, turned, share, drive, end, total,
):  # fmt: skip
    """Do what `_seen` does for the arrays from `begin` to `stop`.

    A function of its own: it takes its parts of the arrays without counting references to them.
    """
    (_, sensed, driven), paired = plus.shape, len(minus) > 0
    width, low, beyond = len(share), 0, 0
    for a in range(begin, stop):
        total[:] = 0.0
        for i in range(sensed):
            low += _lay(g[2 * i], plus[a, i], total, rest, unit)
            if paired:
                low += _lay(g[2 * i + 1], minus[a, i], total, rest, unit)
        for j in range(driven):
            column[a, j] = total[j]
        climb(volt, g, 2 * sensed, width, r_word, 1.0, drive)
        for j in range(driven):
            beyond += not np.isfinite(drive[j])
            drive[j] = 1.0 / (drive[j] * unit)
        _send(send[0], g, 0, driven, turned, share, end, r_bit, activity)
        if paired:
            _send(send[1], g, 1, driven, turned, share, end, r_bit, activity)
        for i in range(sensed):
            if paired:
                _take(first[a, i], volt[2 * i], send[0, i], drive, rest / unit)
                _take(second[a, i], volt[2 * i + 1], send[1, i], drive, rest / unit)
            else:
                u, partner = volt[2 * i], volt[2 * i + 1]
                _take_apart(first[a, i], u, send[0, i], partner, send[1, i], drive, (rest - reference) / unit)
    return low, beyond


@bare
def _lay(line, w, total, rest, unit):
    """Conductances of a sensed line; adds its states to `total` and returns how many were floored."""
    floor, low = -rest / unit, np.int32(0)
    bottom = np.float32(floor)
    for j in range(len(w)):
        low += np.int32(w[j] < bottom)
        total[j] += max(w[j], bottom)
        line[j] = rest + unit * max(np.float64(w[j]), floor)
    return low


@bare
def _send(send, g, side, driven, turned, share, end, r_bit, activity):
    """send (i, j) = t G / (1 + (1 - p) G x) of the devices of one side: what they send out for 1 V [S]."""
    width = len(send)
    for i in range(0, width, LANES):
        for j in range(0, width, LANES):
            transpose(turned, j * width + i, width, g, (2 * i + side) * width + j, 2 * width)
    climb(share, turned, driven, width, r_bit, activity, end)
    for i in range(width):
        end[i] = 1.0 / end[i]
    for j in range(driven):
        _weigh(turned[j], share[j], end, (1.0 - activity) * r_bit * (j + 1))
    turn(send, turned)


@bare
def _weigh(g, share, end, alone):
    """g becomes what devices send; alone: resistance [ohm] that a device's own current meets beyond the mean
    load.
    """
    for i in range(len(g)):
        g[i] *= share[i] * end[i] / (1.0 + alone * g[i])


@bare
def _take(w, volt, send, drive, rest):
    for j in range(len(w)):
        w[j] = np.float32(volt[j] * send[j] * drive[j] - rest)


@bare
def _take_apart(w, volt, send, partner, other, drive, rest):
    for j in range(len(w)):
        w[j] = np.float32((volt[j] * send[j] - partner[j] * other[j]) * drive[j] - rest)
