r"""Arrays of plastic devices beside references, or of pairs, read along resistive lines.

Driven lines j cross sensed lines i in a device G_ij and, side by side with it, its partner: a fixed reference
or the other device of a pair.  Drivers stand at the first i, sensed lines end in virtual ground at the first
j; what is found for each is M of :mod:`memsim.wires.tiles`, what it sends out of the array for 1 V.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim import devices
from memsim.devices.numerics.compile import drop_stale_cache, inlined, match_threads, parallel_kernel
from memsim.devices.numerics.operation import operation
from memsim.wires.effective import through_ladders
from memsim.wires.lanes import turn
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

    plus, minus: states w (..., N, N), the last axis along a sensed line; an empty `minus` stands for
    references.  With lines of 0 ohm w' = max(w, floor).  float32 is computed in float64.
    """
    tokens, (rest, unit, reference, r_word, r_bit, activity) = plus.shape[-1], crossing
    kept = [w.clamp(min=crossing.floor) for w in ((plus, minus) if minus.numel() else (plus,))]
    lines = Lines(r_word, r_bit, "off" if activity < 1.0 else "grounded")
    siemens = [(rest + w.double() * unit).reshape(-1, tokens, tokens).transpose(1, 2) for w in kept]
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
    tokens = plus.shape[-1]
    first, second = torch.empty_like(plus), torch.empty_like(minus)
    column = torch.empty(plus.shape[:-1], dtype=torch.float32)
    match_threads()
    floors = _seen(
        first.view(-1, tokens, tokens).numpy(), second.view(-1, tokens, tokens).numpy(),
        column.view(-1, tokens).numpy(), plus.contiguous().view(-1, tokens, tokens).numpy(),
        minus.contiguous().view(-1, tokens, tokens).numpy(), *crossing,
    )  # fmt: skip
    return Seen(first, second, column, torch.tensor(floors))


@parallel_kernel
def _seen(first, second, column, plus, minus, rest, unit, reference, r_word, r_bit, activity):
    tokens, paired, floors, floor = plus.shape[1], len(minus) > 0, 0, -rest / unit
    word = np.inf if r_word == 0.0 else 1.0 / r_word
    bit = np.inf if r_bit == 0.0 else 1.0 / r_bit
    for a in prange(len(plus)):
        turned, g = np.empty((2 * tokens, tokens)), np.empty((tokens, 2 * tokens))
        out, total, low = np.empty((tokens, 2 * tokens)), np.zeros(tokens, np.float32), 0
        for i in range(tokens):
            low += _lay(turned[2 * i], plus[a, i], total, rest, unit, floor)
            if paired:
                low += _lay(turned[2 * i + 1], minus[a, i], total, rest, unit, floor)
            else:
                turned[2 * i + 1] = reference
        turn(g, turned)
        ends = (np.full(tokens, word), np.zeros(tokens), np.zeros(2 * tokens), np.full(2 * tokens, bit))
        through_ladders(out, g, turned, ends, word, bit, activity)
        turn(turned, out)
        for i in range(tokens):
            if paired:
                _take(first[a, i], turned[2 * i], rest, unit)
                _take(second[a, i], turned[2 * i + 1], rest, unit)
            else:
                turned[2 * i] -= turned[2 * i + 1]
                _take(first[a, i], turned[2 * i], rest - reference, unit)
        column[a] = total
        floors += low
    return floors


@inlined
def _lay(line, w, total, rest, unit, floor):
    """Conductances of a sensed line, its end last; adds its states to `total` and counts floors."""
    last, low = len(w) - 1, 0
    bottom = np.float32(floor)
    for j in range(len(w)):
        kept = max(w[j], bottom)
        low += np.int64(w[j] < bottom)
        total[j] += kept
        line[last - j] = rest + unit * max(np.float64(w[j]), floor)
    return low


@inlined
def _take(w, line, rest, unit):
    last = len(w) - 1
    for j in range(len(w)):
        w[j] = np.float32((line[last - j] - rest) / unit)


drop_stale_cache(Path(__file__).parent, Path(devices.__file__).parent)
