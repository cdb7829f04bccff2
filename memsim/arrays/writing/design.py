"""What card and window decide about the attention arrays of one layer before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from memsim import devices
from memsim.arrays.reading.attention_read import AttentionRead
from memsim.arrays.reading.written_noise import WrittenLaw, WrittenNoise
from memsim.arrays.writing.pulse_table import PulseTable
from memsim.card.chip_card import ChipCard
from memsim.converters.adc import Adc
from memsim.wires.crosspoints import Crossing
from memsim.wires.segment import Segment
from memsim.written_attention import WrittenAttention


@dataclass(frozen=True, kw_only=True, eq=False)
class WrittenDesign:
    """The arrays of one attention layer as card and window have them; nothing in it changes.

        A_ij = (w_ij - w_rest) amplitude / w_span + offset

    w is the cell's own state after reset, pulses and write noise; w_rest its mean after a reset and w_span
    the smaller of its mean responses to n_max pulses up and down, so that the amplitude is reachable both
    ways.  Cells that move one way only work in pairs: LTP on one device, LTD on the other.
    """

    name: str
    card: ChipCard
    cell: devices.PulsedCell
    amplitude: float
    """Largest change of a weight [1]."""
    offset: float
    """Added digitally to every weight [1]."""
    wanted: Tensor
    """Changes A - offset by the spike counts of query and key, (levels, levels), float64."""
    silent: str
    """Policy for tokens that send no spike."""

    @classmethod
    def of(cls, name: str, leaf: WrittenAttention, card: ChipCard) -> WrittenDesign:
        """The design of one leaf's arrays.

        Raises ValueError for a matrix that does not fit head_dim, and for a cell that cannot reach it.
        """
        window, levels = leaf.window, leaf.head_dim + 1
        matrix = window.matrix(leaf.head_dim, leaf.silent)
        if matrix.shape != (levels, levels):
            raise ValueError(
                f"{name}: window.matrix gives weights {tuple(matrix.shape)}; for head_dim = {leaf.head_dim} "
                f"they must be ({levels}, {levels}), one for each pair of spike counts"
            )
        design = cls(
            name=name, card=card, cell=card.attention_cell, amplitude=float(window.A),
            offset=float(window.offset), wanted=(matrix - window.offset).detach(), silent=leaf.silent,
        )  # fmt: skip
        if not design.exact:
            _ = design.table, design.conductance
        return design

    @cached_property
    def exact(self) -> bool:
        """Whether cells take any weight without error: no pulses, nothing fabricated."""
        return self.cell.exact

    @cached_property
    def table(self) -> PulseTable:
        """The write rule: pulses by two spike counts for the mean device, when new."""
        return PulseTable(self.wanted, self.amplitude, self.card)

    @cached_property
    def levels(self) -> int:
        """Distinct spike counts, 0 .. head_dim."""
        return len(self.wanted)

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
        activity = section.row_activity if section.idle_lines == "off" else 1.0
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
        """How arrays are read whose word lines have these gains, shifts and ADCs; no full scale: nothing
        rounds.
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
