"""The work of one token on one head of a memory on arrays: lines, a leaky state, or attention by STDP.

All memories have D = 64 features per head.  The work of arrays and converters is counted.  The computation of
weights from scores, N exponentials and a division, is digital in all cases, digital memories included, and is
not counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

import memsim
from memsim import models
from memsim.arrays.attention_array import AttentionArray
from memsim.energy.ledger import Ledger
from memsim.memory.crossbar_leaky import CrossbarLeaky
from memsim.memory.crossbar_lines import CrossbarLines
from memsim.memory.design import Write
from memsim.memory.leaky_design import LeakyDesign
from memsim.memory.line_design import LineDesign
from memsim.memory.ranges import LineRanges
from memsim.prices.technology import Technology
from memsim.run import Run
from memsim.studies.evaluation.token_memories import RATE

WIDTH = 64  #: features D of a head
STATE = 128  #: columns of a state, as in Mamba-2 at width 768
NEW = 8  #: number of tokens at the end of a context whose work is counted
STEPS = 4  #: time steps of an image with STDP attention
SPIKES = (0.12, 0.28, 0.15)  #: spike rates of queries, keys and values, per neuron and time step


class Spent(NamedTuple):
    """Cost of tokens."""

    ledger: Ledger  #: energy and time of the counted tokens
    writes: float  #: number of devices that one token writes
    cycles: float  #: write cycles of the most used device per token


def lines(card: memsim.ChipCard, write: Write, tokens: int, chips: Sequence[int], seed: int) -> Spent:
    """Run the last `NEW` tokens of a context of `tokens` tokens on lines."""
    q, k, v = _normals((len(chips), 1, tokens, WIDTH), seed)
    design = LineDesign(
        name="lines", card=card, heads=1, keys=WIDTH, values=WIDTH, capacity=tokens, write=write, full="ring"
    )
    made = CrossbarLines(
        design, LineRanges.of(q, k, v, q @ k.mT, v, len(chips)), chips=chips, seed=seed, ledger=Ledger(card)
    )
    times = [t / RATE for t in range(tokens)]
    old = tokens - NEW
    made.extend(k[:, :, :old], v[:, :, :old], times[:old])
    ledger = made.events.ledger
    ledger.clear()
    held = list(range(old + 1, tokens + 1))
    made.extend(k[:, :, old:], v[:, :, old:], times[old:])
    z = made.match_all(q[:, :, old:], times[old:], held)
    later = torch.arange(tokens) >= torch.tensor(held)[:, None]
    made.blend_all((z / WIDTH**0.5).masked_fill(later, -torch.inf).softmax(-1), times[old:], held)
    ledger.images = len(chips) * NEW
    return Spent(ledger, float(design.devices), 1 / tokens)


def state(
    card: memsim.ChipCard,
    write: Write,
    tokens: int,
    chips: Sequence[int],
    seed: int,
    *,
    volatile: bool = False,
) -> Spent:  # fmt: skip
    """Run `NEW` tokens on a leaky state of 64 x 128 numbers that decays by a factor 0.9 per token.

    The cost does not depend on the length of the context.  volatile: the device provides the decay; otherwise
    the state is read and written for it.
    """
    x, b, c = _normals((NEW, len(chips), 1, STATE), seed)
    one, left = torch.ones(1, 1), 0.9
    retention = -1 / (RATE * math.log(left)) if volatile else math.inf
    design = LeakyDesign(
        name="state", card=card, heads=1, rows=WIDTH, columns=STATE, write=write, retention=retention
    )
    made = CrossbarLeaky(design, 20 * one, 4 * one, 100 * one, chips=chips, seed=seed, ledger=Ledger(card))
    ledger = made.events.ledger
    ledger.clear()
    for t in range(NEW):
        made.wait(1 / RATE if volatile else 0.0)
        made.decay(torch.full((len(chips), 1), left))
        made.add(x[t, ..., :WIDTH], b[t])
        made.read(c[t])
    ledger.images = len(chips) * NEW
    return Spent(ledger, float(design.devices), 1.0)


def rewriting(card: memsim.ChipCard, write: Write, tokens: int, chips: Sequence[int], seed: int) -> Spent:
    """Run one image of N = `tokens` tokens with STDP attention, which writes N x N weights per time step."""
    run = Run(card=card, chips=tuple(chips), seed=seed, ledger=Ledger(card))
    array = AttentionArray("rewriting", models.STDPAttention(heads=1, head_dim=WIDTH), run)
    spikes = torch.Generator().manual_seed(seed)
    shape = (STEPS, len(chips), 1, tokens, WIDTH)
    q, k, v = ((torch.rand(shape, generator=spikes) < p).float() for p in SPIKES)
    with torch.no_grad():
        run.begin(1, calibrating=True)
        array(q, k, v)
        run.ledger.clear()
        run.begin(1)
        array(q, k, v)
    run.ledger.images = len(chips) * tokens
    design = LineDesign(name="", card=card, heads=1, keys=1, values=1, capacity=1, write="pulses")
    return Spent(run.ledger, float(tokens * STEPS * design.devices_per_cell), STEPS / tokens)


RUNS: dict[str, Callable[[memsim.ChipCard, Write, int, Sequence[int], int], Spent]] = {
    "lines": lines,
    "state": state,
    "volatile state": partial(state, volatile=True),
    "rewriting": rewriting,
}
"""Function that runs each kind of `Memory`."""


def digital(card: memsim.ChipCard, tokens: int) -> dict[str, float]:
    """Return the energy of a token in a digital int8 memory [J], for N = tokens.

    "products": 2 N D multiply-accumulates only; "SRAM" and "DRAM": with 2 N D bytes of keys and values, read
    from an SRAM of 8 KB or from LPDDR4.  Raises ValueError for a technology without SRAM.
    """
    technology, numbers = Technology.load(card.technology), 2.0 * tokens * WIDTH
    products = numbers * card.price("digital-mac").energy
    if technology.sram is None:
        raise ValueError(
            f"technology {card.technology} has no energy of an SRAM, which digital memories need; use another"
        )
    return {
        "products": products,
        "SRAM": products + 8 * numbers * technology.sram.bit(8192),
        "DRAM": products + 8 * numbers * technology.dram["LPDDR4"].energy,
    }


def _normals(shape: tuple[int, ...], seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for _ in range(3)]
