"""What a card decides about arrays that are rewritten, whatever is written, before anything is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from torch import Tensor

from memsim import devices
from memsim.arrays.reading.attention_read import AttentionRead
from memsim.arrays.reading.written_noise import WrittenLaw, WrittenNoise
from memsim.card.chip_card import ChipCard
from memsim.converters.adc import Adc
from memsim.wires.crosspoints import Crossing
from memsim.wires.segment import Segment


class Responding(Protocol):
    """The mean device of a cell, when new, under the pulses of a full write."""

    n_max: int
    response: Tensor
    """Mean states after -n .. n pulses from a reset, n_max of either sign among them."""
    w_rest: float
    """Mean state after a reset."""
    w_span: float
    """Change of the state that stands for `amplitude`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ArrayDesign(ABC):
    """Arrays whose cells are reset and pulsed at run time; nothing in it changes.

        number = (w - w_rest) amplitude / w_span + offset

    w is the cell's own state after reset, pulses and write noise.  Cells that move one way only work in
    pairs: what raises a number on one device, what lowers it on the other.
    """

    name: str
    card: ChipCard
    cell: devices.PulsedCell
    amplitude: float = 1.0
    """What a change of w_span stands for [1]."""
    offset: float = 0.0
    """Added digitally to every number [1]."""
    part: str = ""
    """Which of a layer's arrays this is, where it has several."""

    @property
    @abstractmethod
    def table(self) -> Responding:
        """The mean device, and what follows from it for a write."""

    @cached_property
    def stream_name(self) -> str:
        """The name that random numbers of these arrays go by."""
        return f"{self.name}.{self.part}" if self.part else self.name

    @cached_property
    def exact(self) -> bool:
        """Whether cells take any weight without error: no pulses, nothing fabricated."""
        return self.cell.exact

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """The devices of one synapse: one that moves both ways, or a pair."""
        return ("plus", "minus") if self.cell.one_sided else ("device",)

    @cached_property
    def parallel(self) -> int:
        """Devices in parallel on each side of a synapse."""
        return 1 if self.exact else self.card.attention.devices_per_synapse

    @cached_property
    def kind(self) -> str:
        """Technology, as the names of events have it."""
        return self.cell.technology.lower()

    @cached_property
    def n_max(self) -> int:
        """Pulses at the top of the window."""
        return self.card.full_write

    @cached_property
    def adc_bits(self) -> int:
        """Bits of the converters; 0 where none rounds."""
        return self.adc.bits if self.adc.rounds else 0

    @cached_property
    def adc(self) -> Adc:
        """The converters of the word lines."""
        return self.card.design.attention_adc

    @cached_property
    def needs_range(self) -> bool:
        """Whether the converters must be calibrated."""
        return self.adc.rounds or not self.adc.exact

    @cached_property
    def conductance(self) -> tuple[float, float, float]:
        """Conductance of w = 0, of one unit of w, and of the reference device [S]: G = rest + w unit.

        Beside each plastic device that moves both ways stands a reference at its level of rest; a pair is its
        own.
        """
        rest, unit = self.card.cell_siemens
        if self.cell.one_sided:
            return rest, unit, 0.0
        measured = not self.exact and (self.cell.unit == "S" or self.cell.conductances)
        return rest, unit, rest + unit * self.table.w_rest if measured else rest

    @cached_property
    def segment(self) -> Segment:
        """One segment of a line of these arrays."""
        return self.card.segment(self.card.attention.scheme)

    @cached_property
    def lines(self) -> Crossing | None:
        """What resistive lines leave of these arrays; None where they lose nothing."""
        section, ohm = self.card.attention, self.segment.resistance
        if self.exact or section.wires == "none" or not self.card.on("wires") or not ohm:
            return None
        rest, unit, reference = (self.parallel * siemens for siemens in self.conductance)
        activity = section.row_activity if section.idle_lines == "idle-off" else 1.0
        return Crossing(rest, unit, reference, ohm, ohm, activity)

    @cached_property
    def noise(self) -> WrittenLaw | None:
        """The noise of reads; None where they are noiseless."""
        if self.exact:
            return None
        return WrittenLaw.of(self.card, self.cell, self.conductance, self.parallel)

    def reader(
        self, gain_SHN: Tensor, shift_SHN: Tensor, full_scale_S: Tensor | None = None,
        noise: WrittenNoise | None = None, curve_SHPN: Tensor | None = None,
    ) -> AttentionRead:  # fmt: skip
        """Return how arrays are read whose word lines have these gains, shifts and ADCs; no full scale:
        nothing rounds.
        """
        rest, unit, _ = self.conductance
        return AttentionRead(
            floor=-rest / unit,
            rest=0.0 if self.cell.one_sided or self.exact else self.table.w_rest,
            scale=1.0 if self.exact else self.amplitude / self.table.w_span,
            bits=0 if full_scale_S is None else self.adc_bits,
            full_scale_S=gain_SHN.new_ones(len(gain_SHN)) if full_scale_S is None else full_scale_S,
            gain_SHN=gain_SHN,
            shift_SHN=shift_SHN,
            through=self.lines,
            noise=noise,
            curve_SHPN=None if full_scale_S is None else curve_SHPN,
        )
