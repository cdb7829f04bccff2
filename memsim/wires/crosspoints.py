r"""Arrays of plastic devices beside references, or of pairs, read along resistive lines.

Driven lines j cross sensed lines i in a device G_ij and, side by side with it, its partner: a fixed reference
or the other device of a pair.  Drivers stand at the first i, sensed lines end in virtual ground at the first
j; what is found for each is M of :mod:`memsim.wires.tiles`, what it sends out of the array for 1 V.
"""

from __future__ import annotations

from pathlib import Path

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

Law = tuple[float, float, float]
"""G of the state 0, of one unit of it, and of the reference [S]."""


def seen_states(held: list[Tensor], law: Law, floor: float, lines: Lines, activity: float) -> list[Tensor]:
    """Return the states that devices seem to have when they are read along lines.

        w' = (M - M_reference) / unit + (reference - rest) / unit,   of a pair w'+- = (M+- - rest) / unit

    held: the states w (..., N, N) of devices, or of both sides of pairs, the last axis along a sensed line;
    G = rest + w unit, w no lower than `floor`.  activity: share of lines driven at once [1], where `lines`
    switch the idle ones off.  With lines of 0 ohm w' = max(w, floor).  float32 is computed in float64.
    """
    tokens = held[0].shape[-1]
    flat = [w.reshape(-1, tokens, tokens) for w in held]
    share = activity if lines.idle == "off" else 1.0
    plus, minus = seen_pair(flat[0], flat[-1] if len(flat) == 2 else flat[0][:0], law, floor, lines, share)
    return [w.view(held[0].shape) for w in (plus, minus)[: len(held)]]


@operation
def seen_pair(
    plus: Tensor, minus: Tensor, law: Law, floor: float, lines: Lines, activity: float
) -> tuple[Tensor, Tensor]:
    """Return w' of both sides (A, N, N), as :func:`seen_states`; an empty `minus`: beside references."""
    rest, unit, reference = law
    siemens = [(rest + w.double().clamp(min=floor) * unit).transpose(1, 2) for w in (plus, minus)]
    if not len(minus):
        siemens[1] = torch.full_like(siemens[0], reference)
    m = [x.transpose(1, 2) for x in pairs_through_lines(*siemens, lines, (1, 1), activity)]
    if len(minus):
        first, second = ((x - rest) / unit for x in m)
    else:
        first, second = (m[0] - m[1] + reference - rest) / unit, minus
    return first.to(plus.dtype).contiguous(), second.to(plus.dtype).contiguous()


@seen_pair.kernel("cpu", torch.float32)
def _(plus, minus, law, floor, lines, activity):
    first, second = (np.empty(w.shape, np.float32) for w in (plus, minus))
    match_threads()
    given = (w.detach().contiguous().numpy() for w in (plus, minus))
    _seen(first, second, *given, *law, floor, lines.g_word, lines.g_bit, activity)
    return torch.from_numpy(first), torch.from_numpy(second)


@parallel_kernel
def _seen(first, second, plus, minus, rest, unit, reference, floor, word, bit, activity):
    tokens, paired = plus.shape[1], len(minus) > 0
    for a in prange(len(plus)):
        turned, g = np.empty((2 * tokens, tokens)), np.empty((tokens, 2 * tokens))
        for i in range(tokens):
            _lay(turned[2 * i], plus[a, i], rest, unit, floor)
            if paired:
                _lay(turned[2 * i + 1], minus[a, i], rest, unit, floor)
            else:
                turned[2 * i + 1] = reference
        turn(g, turned)
        out = np.empty((tokens, 2 * tokens))
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


@inlined
def _lay(line, w, rest, unit, floor):
    """Conductances of a sensed line, its end last."""
    last = len(w) - 1
    for j in range(len(w)):
        line[last - j] = rest + unit * max(np.float64(w[j]), floor)


@inlined
def _take(w, line, rest, unit):
    last = len(w) - 1
    for j in range(len(w)):
        w[j] = np.float32((line[last - j] - rest) / unit)


drop_stale_cache(Path(__file__).parent, Path(devices.__file__).parent)
