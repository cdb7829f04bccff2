"""Devices measured once, before their first use: counts of each one's own, gain of each word line."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from memsim.arrays.writing.array_design import ArrayDesign
from memsim.arrays.writing.device_table import DeviceTable
from memsim.arrays.writing.row_gain import line_gain, patterns
from memsim.arrays.writing.writer import Writer
from memsim.arrays.writing.written_devices import WrittenDevices
from memsim.energy.ledger import UPKEEP
from memsim.run import Address

REPEATS = 8
"""Writes of each pattern, to average what is new in each."""


def measure(writer: Writer, devices: WrittenDevices) -> None:
    """Fill in what the card leaves to be measured; nothing of it enters the ledger, see ``upkeep``."""
    if devices.own is not None:
        _fill(writer, devices, devices.own)
    if writer.design.card.attention.row_gain:
        found = _weights_of_patterns(writer, devices)
        gain, offset = line_gain(writer.design, found)
        devices.gain.copy_(gain)
        devices.shift.copy_(offset + writer.design.offset)


def _fill(writer: Writer, devices: WrittenDevices, own: DeviceTable) -> None:
    """Write every device with every count and nothing but its own spread, and keep the best counts."""
    cell, (tokens, _) = writer.design.cell, devices.size
    quiet = cell.only(*({"device-spread"} & {effect for effect in cell.effects if cell.on(effect)}))
    counts = own.candidates
    shape = (*devices.gain.shape[:2], 1, len(counts), tokens, tokens)
    sides = writer.by_side(counts.view(-1, 1, 1).expand(shape).contiguous())
    held = [
        quiet.rewrite(fabric, n, rng=rng, image=range(1), step=range(len(counts)))  # type: ignore[attr-defined]
        for fabric, n, rng in zip(devices.fabrics(), sides, devices.streams(), strict=True)
    ]
    own.fill((held[0] - held[1] if len(held) == 2 else held[0])[:, :, 0])


def _weights_of_patterns(writer: Writer, devices: WrittenDevices) -> Tensor:
    """Weights A - offset where every cell has as target what a pattern means on the mean device, coded and
    verified as any write: (S, H, REPEATS, patterns, N, N).
    """
    design, counts = writer.design, patterns(writer.design)
    goals = design.table.response[counts + design.n_max]
    shape = (*devices.gain.shape[:2], REPEATS, len(counts), *devices.size)
    asked = counts.float().view(-1, 1, 1) if devices.own is None else devices.own.toward(goals)[:, :, None]
    goal = goals.float().view(-1, 1, 1).expand(shape)
    at = Address(np.arange(REPEATS, dtype=np.int64), range(len(counts)))
    held = writer.write(devices, asked.expand(shape).contiguous(), goal, at, ("row-gain",))
    design.reader(devices.gain, devices.shift).weights(held)
    return held[0]


def upkeep(design: ArrayDesign, heads: int, rows: int, columns: int) -> dict[str, float]:
    """Return what measuring the devices of a size costs one chip, as an array's upkeep is counted: writes of
    each device and conversions, with their energies.  Empty where the card asks for none.
    """
    card, n_max, lines = design.card.attention, design.n_max, heads * rows
    cells = lines * columns * len(design.sides) * design.parallel
    writes = pulses = reads = 0.0
    if card.coding == "per-device":
        times = (2 * n_max + 1) * REPEATS
        writes, reads = writes + times, reads + times * cells
        pulses += n_max * (n_max + 1) * lines * columns * REPEATS
    if card.row_gain:
        writes, reads = writes + 3 * REPEATS, reads + 3 * REPEATS * lines
        pulses += 2 * n_max * lines * columns * REPEATS
    if not writes:
        return {}
    price, shared = design.card.price, design.parallel if card.sharing == "all" else 1
    result = card.adc_bits * price("bus-bit").energy
    read = reads * (price(card.adc_event).energy + price("sample-hold").energy + result)
    write = writes * cells * price(f"reset-{design.kind}").energy
    write += pulses * shared * price(f"pulse-{design.kind}").energy
    return dict(zip(UPKEEP, (writes * cells, write, reads, read), strict=True))
