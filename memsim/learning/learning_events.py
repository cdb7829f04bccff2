"""The cost of changing weights on an array: pulses, resets, verifying reads and digital accumulation.

Word lines are pulsed one after another, and all cells of a line at once: a line takes the time of its longest
pulse train up plus that of its longest pulse train down.  All chips work in parallel.
"""

from __future__ import annotations

import torch
from torch import Tensor

from memsim.card.chip_card import ChipCard
from memsim.energy.ledger import Entry, Ledger
from memsim.prices.events import ARRAY_READ

UPDATES = "updates"
"""Note in the ledger: number of updates requested of an array, summed over chips."""

WRITING_TIME = "writing time [s]"
"""Note in the ledger: time taken by pulses and resets [s], summed over chips."""


class LearningEvents:
    """Recorder that enters the writes of one array into the ledger; ideal cells cause no events."""

    def __init__(self, name: str, card: ChipCard, ledger: Ledger) -> None:
        self.name, self.card, self.ledger = name, card, ledger
        self.kind = card.attention_cell.technology.lower()

    def pulsed(self, by_side: Tensor) -> None:
        """Enter signed numbers of pulses (S, D, R, C); those up are sent before those down."""
        if not by_side.numel():
            return
        longest = sum(float(way.clamp(min=0).amax((1, 3)).sum()) for way in (by_side, -by_side))
        seconds = longest * self.card.pulse_drive[1]
        number = by_side.abs().sum((1, 2, 3), dtype=torch.float64)
        self._write(f"pulse-{self.kind}", number, seconds)

    def reset(self, devices: Tensor) -> None:
        """Enter a reset of the marked devices (S, D, R, C; 1 = reset), one word line at a time."""
        lines = float(devices.amax((1, 3)).sum())
        number = devices.sum((1, 2, 3), dtype=torch.float64) * self.card.reset_tries
        seconds = lines * self.card.attention.reset_time
        self._write(f"reset-{self.kind}", number, seconds)

    def _write(self, event: str, number: Tensor, seconds: float) -> None:
        time = [(self.name, seconds)]
        notes = [(self.name, WRITING_TIME, seconds)]
        self.ledger.enter([(self.name, event, number)], notes=notes, seconds=time)

    def read(self, siemens: Tensor, marked: Tensor) -> None:
        """Enter a read of the marked cells (S, R, C), one word line at a time.

        siemens (S, R, C) is the conductance of each cell, summed over its devices [S].
        """
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
        """Enter the digital accumulation of outer products over all chips.

        For each of `weights` numbers there is one multiply-accumulate per vector, and one comparison with
        the size of a pulse.
        """
        self.ledger.enter(
            [
                (self.name, "digital-mac", float(weights * vectors)),
                (self.name, "digital-compare", float(weights)),
            ]
        )

    def asked(self, chips: int) -> None:
        """Note one requested update on each chip."""
        self.ledger.enter(notes=[(self.name, UPDATES, chips)])
