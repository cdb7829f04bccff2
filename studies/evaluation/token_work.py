"""One token's work on one head of a memory, run on arrays: a list of lines, a fading state, STDP's rewriting.

All hold D = 64 features a head.  What is counted is the work of arrays and converters; the rule between
match and blend is digital everywhere, in a digital memory too: N exponentials and a quotient, not counted.
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
STATE = 128  #: columns of a state, as Mamba-2 has them at width 768
NEW = 8  #: tokens that are counted, at the end of a context
STEPS = 4  #: time steps of an image with STDP attention
SPIKES = (0.12, 0.28, 0.15)  #: rates of query, key and value spikes


class Spent(NamedTuple):
    """What a token costs: the ledger of tokens, devices it writes, cycles of the busiest device."""

    ledger: Ledger
    writes: float
    cycles: float


def lines(card: memsim.ChipCard, write: Write, tokens: int, chips: Sequence[int], seed: int) -> Spent:
    """The last tokens of a context of lines."""
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
    """Some tokens on a fading state of 64 x 128 numbers, whose cost no context changes; a factor of .9 each.

    volatile: the device gives it; else the state is read and written for it.
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
    """An image of `tokens` tokens with STDP attention, whose N x N weights are written in every time step."""
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
"""How each kind of `Memory` is run."""


def digital(card: memsim.ChipCard, tokens: int) -> dict[str, float]:
    """The same memory of int8 digitally [J]: products alone; keys and values read from SRAM; from DRAM.

    2 N D products; 2 N D bytes from an SRAM of 8 KB, or from LPDDR4.
    """
    technology, numbers = Technology.load(card.technology), 2.0 * tokens * WIDTH
    products = numbers * card.price("digital-mac").energy
    if technology.sram is None:
        raise ValueError(f"technology {card.technology} has no SRAM: digital memories cannot be priced")
    return {
        "products": products,
        "SRAM": products + 8 * numbers * technology.sram.bit(8192),
        "DRAM": products + 8 * numbers * technology.dram["LPDDR4"].energy,
    }


def _normals(shape: tuple[int, ...], seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for _ in range(3)]
