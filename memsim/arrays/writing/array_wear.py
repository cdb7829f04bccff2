"""How far writes wear the devices of an attention array."""

from __future__ import annotations

from dataclasses import dataclass

from memsim.arrays.writing.array_design import ArrayDesign
from memsim.devices.pulses.wear import pulse_wear
from memsim.energy.ledger import Ledger
from memsim.prices.events import SILENT_PULSES


@dataclass(frozen=True)
class ArrayWear:
    """The devices of one attention layer on one chip, and what the ledger says they went through.

    cells: places for a device or for each side of a pair; 0 for ideal cells and before the first image.
    """

    design: ArrayDesign
    ledger: Ledger
    cells: int

    @property
    def device_count(self) -> int:
        """Plastic devices of this layer on one chip."""
        return self.cells * len(self.design.sides) * self.design.parallel

    @property
    def cycles(self) -> float:
        """Cycles of a device for one image, in the mean over the array: 1 for a reset, (|dw| / range)^m for a
        pulse, taken in the mean over a full write; 0 for an ideal cell, and before the first image.
        """
        if not self.device_count:
            return 0.0
        resets, pulses = (
            self.ledger.number(f"{event}-{self.design.kind}", self.design.name)
            for event in ("reset", "pulse")
        )
        return (resets + pulses * self._of_a_pulse) / self.device_count

    @property
    def silent_cycles(self) -> float:
        """How many of these are pulses at silent tokens."""
        pulses = self.ledger.noted(SILENT_PULSES, self.design.name)
        return pulses * self._of_a_pulse / self.device_count if pulses else 0.0

    @property
    def _of_a_pulse(self) -> float:
        """Cycles of a pulse, of a device that is new."""
        card = self.design.card
        return pulse_wear(card.design.unworn_cell, self.design.n_max, card.wear.pulse_exponent)
