"""What changing the weights of an array costs: pulses, resets, verifying reads and digital accumulation.

Word lines are pulsed one after the other, all cells of one at once: a line takes as long as its longest train
of pulses in either direction, up before down.  Chips work at the same time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from memsim.card.chip_card import ChipCard
from memsim.energy.ledger import Entry, Ledger
from memsim.prices.events import ARRAY_READ

UPDATES = "updates"
"""Note: times that an array was asked to change, of all chips."""

WRITING_TIME = "writing time [s]"
"""Note: time of pulses and resets, summed over chips."""


class LearningEvents:
    """Enters the writes of one array into the ledger; an ideal cell has none."""

    def __init__(self, name: str, card: ChipCard, ledger: Ledger) -> None:
        self.name, self.card, self.ledger = name, card, ledger
        self.kind = card.attention_cell.technology.lower()

    def pulsed(self, by_side: Tensor) -> None:
        """Signed pulses (S, D, R, C), after one another in the two directions."""
        if not by_side.numel():
            return
        longest = sum(float(way.clamp(min=0).amax((1, 3)).sum()) for way in (by_side, -by_side))
        seconds = longest * self.card.pulse_drive[1]
        number = by_side.abs().sum((1, 2, 3), dtype=torch.float64)
        self._write(f"pulse-{self.kind}", number, seconds)

    def reset(self, devices: Tensor) -> None:
        """Reset the devices that are marked (S, D, R, C), a line at a time."""
        lines = float(devices.amax((1, 3)).sum())
        number = devices.sum((1, 2, 3), dtype=torch.float64) * self.card.reset_tries
        seconds = lines * self.card.attention.reset_time
        self._write(f"reset-{self.kind}", number, seconds)

    def _write(self, event: str, number: Tensor, seconds: float) -> None:
        time = [(self.name, seconds)]
        notes = [(self.name, WRITING_TIME, seconds)]
        self.ledger.enter([(self.name, event, number)], notes=notes, seconds=time)

    def read(self, siemens: Tensor, marked: Tensor) -> None:
        """Read the cells that are marked (S, R, C) with conductances (S, R, C) [S], line by line."""
        section = self.card.attention
        lines, cells = float(marked.any(2).sum()), float(marked.sum())
        events: list[Entry] = [
            (self.name, "row-drive", lines),
            (self.name, section.adc_event, cells),
            (self.name, "sample-hold", cells),
            (self.name, "bus-bit", cells * section.adc_bits),
        ]
        joules = float((siemens.double() * marked).sum()) * section.read_joule(1.0)
        seconds = lines * section.cycle_time(marked.shape[2])
        self.ledger.enter(events, [(self.name, ARRAY_READ, joules)], seconds=[(self.name, seconds)])

    def accumulated(self, weights: int, vectors: int) -> None:
        """Add outer products of vectors to digital accumulators: a MAC and a comparison for each number."""
        self.ledger.enter(
            [
                (self.name, "digital-mac", float(weights * vectors)),
                (self.name, "digital-compare", float(weights)),
            ]
        )

    def asked(self, chips: int) -> None:
        """Note an update of every chip."""
        self.ledger.enter(notes=[(self.name, UPDATES, chips)])
