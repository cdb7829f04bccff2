"""Energies of digital executions of a network with the same spikes: the baselines for crossbars.

sop          the papers' count: E_AC sum rate x dense x T + E_MAC sum_(non-binary inputs) dense, Eq. (29) of
             Mondal & Kumar 2025, mended; no memory, no neurons.  The encoder runs once for an image (its
             input does not change over time), and so does the head (after the mean over time).
sop_integer  the same count at the card's integer prices.
lut          all the work a chip's ledger counts, in integers: neurons, pooling, shortcuts, biases, bus and
             router; attention exact by a table of its 2 D_H + 1 weights, by histogram of levels or pair by
             pair, the cheaper.
memory       event-driven with every access to SRAM: Lemaire et al., ICONIP 2022, with the authors' errata.
dense        every synapse in every step, each weight read once an image, each value once a step.
dram         the same on a chip that cannot keep the weights: they come from LPDDR4, once an image.
qnn          an ANN of the same shape, ceil(log2(T+1))-bit activations, every value moved once (Yan et al.,
             arXiv:2409.08290).

Each is a list of the ledger's lines: count, price and source of every event.  All but the papers' count pay
for what they move (`memsim.energy.moving`), those from `memory` on also for what they hold in SRAM.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from memsim.card.chip_card import ChipCard
from memsim.energy.line import Line, total
from memsim.energy.moving import MEMORY, SUM, WEIGHT, Bill, moving, state, value_bits, values
from memsim.energy.work import Attention, Matrix, Neurons, TwoSignals, Work
from memsim.prices.events import ARITHMETIC
from memsim.prices.technology import Technology


def energies(works: Sequence[Work], card: ChipCard) -> dict[str, float]:
    """Return the energy of an image [J] by every baseline."""
    return {f"digital_{name}": total(lines(works, card)) for name, lines in BASELINES.items()}


def sop(works: Sequence[Work], card: ChipCard) -> list[Line]:
    """Return the papers' count in fp32."""
    return list(_papers(works, Bill(card), "sop-ac", "sop-mac"))


def sop_integer(works: Sequence[Work], card: ChipCard) -> list[Line]:
    """Return the papers' count at the card's integer prices."""
    return list(_papers(works, Bill(card), "digital-add", "digital-mac"))


def _papers(works: Sequence[Work], bill: Bill, ac: str, mac: str) -> Iterator[Line]:
    for work in works:
        if isinstance(work, Matrix):
            dense = work.dense * work.passes
            yield from bill.work(work.name, *((ac, dense * work.rate) if work.spikes else (mac, dense)))
        elif isinstance(work, Attention):  # every value spike into all queries; counting is one add a spike
            yield from bill.work(work.name, ac, work.v * work.tokens + work.q + work.k)
        elif isinstance(work, TwoSignals):
            yield from bill.work(work.name, *((ac, work.adds) if work.spikes else (mac, work.macs)))


def lut(works: Sequence[Work], card: ChipCard) -> list[Line]:
    """Return all work in integers, attention by table; bus and router, no memory."""
    bill = Bill(card)
    return [line for work in works for part in (operations, moving) for line in part(work, bill)]


def operations(work: Work, bill: Bill) -> Iterator[Line]:
    """Yield the integer arithmetic of one piece of work."""
    if isinstance(work, Matrix):
        yield from _products(work, bill, work.accumulates)
        yield from bill.work(work.name, "digital-add", work.outputs * work.passes)  # biases
    elif isinstance(work, Attention):
        yield from table_attention(work, bill)
    elif isinstance(work, Neurons):
        yield from bill.work(work.name, "neuron-step", work.number * work.steps)
    elif isinstance(work, TwoSignals):
        spikes = ("digital-add", work.adds) if work.spikes else ("digital-mac", work.macs)
        yield from bill.work(work.name, *spikes)
    else:
        yield from bill.work(work.name, work.event, work.number)


def _products(work: Matrix, bill: Bill, accumulates: float) -> Iterator[Line]:
    if work.spikes:
        yield from bill.work(work.name, "digital-add", accumulates)
    else:
        yield from bill.work(work.name, "digital-mac", work.dense * work.passes)


def table_attention(work: Attention, bill: Bill) -> list[Line]:
    """Return exact attention in integers, the cheaper of two ways.

    By levels: spikes enter M[l, d] = sum_j [r_K(j) = l] V_jd, then sum_l g(l - r_Q) M[l, d] for every query
    level there is and every entry that is not 0.  Pair by pair: a look-up for every pair, then every value
    spike into all queries.
    """
    counting = work.q + work.k
    rows = work.steps * work.heads
    levels = min(work.width + 1, work.tokens)  # neither queries nor keys have more
    filled = min(work.v, rows * levels * work.width)
    by_level = [
        *bill.work(work.name, "digital-add", counting + work.v),
        *bill.work(work.name, "digital-mac", levels * filled),
    ]
    by_pair = [
        *bill.work(work.name, "digital-add", counting + work.v * work.tokens),
        *bill.work(work.name, "digital-compare", work.pairs),
    ]
    return min(by_level, by_pair, key=total)


def memory(works: Sequence[Work], card: ChipCard) -> list[Line]:
    """Event-driven, with memory: Lemaire et al.'s equations, neurons apart from their matrix; spikes go by
    address over bus and router.
    """
    bill = Bill(card, works)
    return [line for work in works for line in _event_driven(work, bill)]


def _event_driven(work: Work, bill: Bill) -> Iterator[Line]:
    if isinstance(work, Matrix) and work.spikes:
        name, sums, address = work.name, work.accumulates, math.ceil(math.log2(max(work.inputs, 2)))
        yield from bill.work(name, "digital-add", sums)
        yield from bill.work(name, "digital-add", work.ones * (work.taps if work.taps > 1 else work.columns))
        yield from bill.work(name, "digital-mac", 2 * work.ones if work.taps > 1 else 0)
        yield from bill.move(name, "spikes read [bit]", work.ones * address, work.inputs * address)
        yield from bill.move(name, "weights read [bit]", sums * WEIGHT, work.rows * work.columns * WEIGHT)
        yield from bill.move(name, "membranes [bit]", 2 * sums * SUM, work.outputs * SUM)
        yield from bill.carry(name, work.ones * address, 0)
        yield from bill.hold(name, work.rows * work.columns * WEIGHT)
    elif isinstance(work, Neurons):
        name, steps, address = work.name, work.number * work.steps, math.ceil(math.log2(max(work.number, 2)))
        yield from bill.work(name, "digital-add", steps + work.spikes)
        yield from bill.work(name, "digital-mac", steps)  # leak
        yield from bill.move(name, "biases read [bit]", steps * SUM, work.number * SUM)
        yield from bill.move(name, "membranes [bit]", 2 * steps * SUM, work.number * SUM)
        yield from bill.move(name, "spikes written [bit]", work.spikes * address, work.number * address)
        yield from bill.hold(name, work.number * (SUM + address))
    else:
        yield from _every_synapse(work, bill)


def dense(works: Sequence[Work], card: ChipCard) -> list[Line]:
    """Return every synapse in every step, with full reuse of weights and values."""
    bill = Bill(card, works)
    return [line for work in works for line in _every_synapse(work, bill)]


def dram(works: Sequence[Work], card: ChipCard) -> list[Line]:
    """Return every synapse in every step, the weights fetched from DRAM once an image."""
    return [*dense(works, card), *weights_from_dram(works, card)]


def _every_synapse(work: Work, bill: Bill) -> Iterator[Line]:
    yield from moving(work, bill)
    if isinstance(work, Matrix):
        passes, outputs = work.passes, work.outputs * work.passes
        yield from _products(work, bill, work.dense * passes)
        yield from bill.work(work.name, "digital-add", outputs)
        yield from _traffic(work, bill, passes, value_bits(work))
    else:
        yield from operations(work, bill)
        yield from state(work, bill)


def _traffic(work: Matrix, bill: Bill, passes: float, bits: int) -> Iterator[Line]:
    """Yield weights once and held; inputs of a number of bits, and sums, once a pass."""
    weights = work.rows * work.columns * WEIGHT
    yield from bill.move(work.name, "weights read [bit]", weights, weights)
    yield from values(work, bill, passes, bits)
    yield from bill.hold(work.name, weights)


def qnn(works: Sequence[Work], card: ChipCard) -> list[Line]:
    """Return an ANN of the same shape with activations of ceil(log2(T + 1)) bits; dot-product attention."""
    bill, bits = Bill(card, works), activation_bits(works)
    multiply, add = (bill.technology.price(part) for part in ("int8-multiply", "int16-add"))
    joule = multiply.energy * bits / WEIGHT + add.energy
    source = f"{bits} of 8 bits of: {multiply.source}; and {add.source} (assumption)"
    product = partial(Line.of, event=f"{bits}-bit product", part=ARITHMETIC, price=joule, source=source)
    lines: list[Line] = []
    for work in works:
        if isinstance(work, Matrix):
            lines.append(product(work.name, number=work.dense))
            each = bits if work.spikes else WEIGHT
            lines += _traffic(work, bill, 1, each)
            lines += bill.carry(work.name, work.inputs * each, work.outputs * SUM)
        elif isinstance(work, Attention):
            size = work.heads * work.tokens * work.width
            lines.append(product(work.name, number=2.0 * size * work.tokens))
            lines += bill.move(work.name, "inputs read [bit]", 3 * size * bits, size * bits)
            lines += bill.move(work.name, "sums written [bit]", size * SUM, size * SUM)
            lines += bill.carry(work.name, 3 * size * bits, size * SUM)
        elif isinstance(work, TwoSignals):
            lines.append(product(work.name, number=work.macs / work.passes))
            lines += bill.move(work.name, "inputs read [bit]", work.values * bits, work.values * bits)
        elif isinstance(work, Neurons):
            lines += bill.move(work.name, "activations written [bit]", work.number * bits, work.number * bits)
            lines += bill.hold(work.name, work.number * bits)
        else:
            lines += bill.work(work.name, work.event, work.number / _steps(works))
    return lines


def activation_bits(works: Sequence[Work]) -> int:
    """Bits that hold a neuron's spike count: ceil(log2(T + 1))."""
    return math.ceil(math.log2(_steps(works) + 1))


def _steps(works: Sequence[Work]) -> float:
    return max((work.steps for work in works if isinstance(work, Neurons)), default=1.0)


def qnn_break_even(works: Sequence[Work]) -> float:
    """Spike rate above which moving b-bit activations takes less than moving a weight for every spike:
    ceil(log2(T+1)) / (8 T) [1], the closed form behind Yan et al., arXiv:2409.08290.
    """
    return activation_bits(works) / (WEIGHT * _steps(works))


def weights_from_dram(works: Sequence[Work], card: ChipCard, kind: str = "LPDDR4") -> list[Line]:
    """Return every weight once an image from a DRAM: what a chip pays on top that cannot keep them."""
    price = Technology.load(card.technology).dram[kind]
    event = f"weights from {kind} [bit]"
    bit = partial(Line.of, event=event, part=MEMORY, price=price.energy, source=price.said)
    matrices = (work for work in works if isinstance(work, Matrix))
    return [bit(m.name, number=m.rows * m.columns * WEIGHT) for m in matrices]


BASELINES: dict[str, Callable[[Sequence[Work], ChipCard], list[Line]]] = {
    "sop": sop,
    "sop_integer": sop_integer,
    "lut": lut,
    "memory": memory,
    "dense": dense,
    "dram": dram,
    "qnn": qnn,
}
"""Every baseline by name; ``digital_NAME`` in a result."""
