"""What both sides pay for besides arithmetic: values moved over bus and router, held and moved in SRAM.

    bus      inputs from the buffer to where they are used, results back
    router   inputs of a layer from the layer before
    SRAM     every value written is written once, read once a pass; a memory is as large as what it holds
    held     bits of SRAM x the time of an image: static power

Crossbars and digital chips pay the same prices for the same values: spikes have 1 bit, numbers 8, sums 16
where they are added digitally, and what comes out of a converter its bits.  Both are powered for the time the
arrays take for an image, layer after layer; no source times the digital side (an assumption).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from memsim.card.chip_card import ChipCard
from memsim.devices.toml_file import CardError
from memsim.energy.line import Line
from memsim.energy.work import Attention, Matrix, Neurons, TwoSignals, Work
from memsim.prices.technology import Technology

WEIGHT, SUM = 8, 16
"""Bits of a weight or another number, and of a sum, a bias or a membrane."""

MEMORY = "memory"


class Bill:
    """Writes lines at the prices of one card and of its technology; works: those that an image takes, for the
    time its memories are held.
    """

    def __init__(self, card: ChipCard, works: Sequence[Work] = ()) -> None:
        self.card, self.works = card, works
        self.technology = Technology.load(card.technology)

    @cached_property
    def time(self) -> float:
        """Time the arrays take for an image [s]."""
        return image_time(self.works, self.card)

    def work(self, name: str, event: str, number: float) -> Iterator[Line]:
        """Yield a priced event, if it happens at all."""
        if number:
            price = self.card.price(event)
            yield Line.of(name, event, number, price.energy, price.said)

    def move(self, name: str, what: str, bits: float, size: float) -> Iterator[Line]:
        """So many bits read from or written to an SRAM of that many bits."""
        sram = self.technology.sram
        if sram is None:
            raise CardError(f"technology {self.technology.name}: no [sram]; add one, or scaled_from")
        if bits:
            price = sram.price(size / 8)
            yield Line.of(name, what, bits, price.energy, price.said, MEMORY)

    def hold(self, name: str, bits: float) -> Iterator[Line]:
        """So many bits of SRAM held for the time of an image."""
        yield from self.work(name, "bit-second", bits * self.time)

    def carry(self, name: str, inputs: float, results: float) -> Iterator[Line]:
        """Bits of inputs that come from the layer before and go in over the bus, and bits of results that
        leave over it.
        """
        yield from self.work(name, "bus-bit", inputs + results)
        yield from self.work(name, "router-bit", inputs)


def image_time(works: Iterable[Work], card: ChipCard) -> float:
    """Return the time that arrays take for an image [s]: layers in turn, their vectors in turn; attention is
    written in as many slots as its tokens can have different spike counts.
    """
    total = 0.0
    for work in works:
        if isinstance(work, Matrix):
            section = card.weights
            column_tiles = section.tiles(work.rows + section.bias_rows, work.columns)[1]
            lines = section.coding.widest(work.columns, column_tiles)
            total += work.positions * work.passes * section.cycle_time(lines)
        elif isinstance(work, Attention):
            slots = min(work.tokens, work.width + 1)
            pulses = 2 * slots * card.full_write * card.pulse_drive.time
            once = card.attention.reset_time + pulses + work.width * card.attention.cycle_time(work.tokens)
            total += work.steps * once
    return total


def value_bits(work: Matrix) -> int:
    """Bits of an input."""
    return 1 if work.spikes else WEIGHT


def moving(work: Work, bill: Bill) -> Iterator[Line]:
    """Yield what a digital chip moves over bus and router: every input once a pass, every sum."""
    if isinstance(work, Matrix):
        inputs = work.inputs * work.passes * value_bits(work)
        yield from bill.carry(work.name, inputs, work.outputs * work.passes * SUM)
    elif isinstance(work, Attention):
        values = work.steps * work.heads * work.tokens * work.width
        yield from bill.carry(work.name, 3 * values, values * SUM)


def values(work: Matrix, bill: Bill, passes: float, bits: int) -> Iterator[Line]:
    """Yield inputs of a number of bits read, and sums written, once a pass."""
    inputs, sums = work.inputs * bits, work.outputs * SUM
    yield from bill.move(work.name, "inputs read [bit]", inputs * passes, inputs)
    yield from bill.move(work.name, "sums written [bit]", sums * passes, sums)


def buffers(works: Sequence[Work], card: ChipCard) -> list[Line]:
    """Return what any execution moves in SRAM, crossbars too: inputs read, sums written, membranes read and
    written in every step, spikes written, and read by attention; and what it holds meanwhile.
    """
    bill, lines = Bill(card, works), []
    for work in works:
        if isinstance(work, Matrix):
            lines += values(work, bill, work.passes, value_bits(work))
        else:
            lines += state(work, bill)
    return lines


def state(work: Work, bill: Bill) -> Iterator[Line]:
    """Yield what neurons, attention and products of two signals keep in SRAM, and move."""
    if isinstance(work, Neurons):
        size = work.number * SUM
        yield from bill.move(work.name, "membranes [bit]", 2 * size * work.steps, size)
        yield from bill.move(work.name, "spikes written [bit]", work.number * work.steps, work.number)
        yield from bill.hold(work.name, size + work.number)
    elif isinstance(work, Attention):
        size = work.heads * work.tokens * work.width
        yield from bill.move(work.name, "spikes read [bit]", 3 * size * work.steps, size)
        yield from bill.move(work.name, "sums written [bit]", size * SUM * work.steps, size * SUM)
    elif isinstance(work, TwoSignals):
        bits = work.values * (1 if work.spikes else WEIGHT)
        yield from bill.move(work.name, "signals read [bit]", bits * work.passes, bits)
