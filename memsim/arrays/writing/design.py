"""What card and window decide about the attention arrays of one layer before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from memsim.arrays.writing.array_design import ArrayDesign
from memsim.arrays.writing.pulse_table import PulseTable
from memsim.card.chip_card import ChipCard
from memsim.written_attention import WrittenAttention


@dataclass(frozen=True, kw_only=True, eq=False)
class WrittenDesign(ArrayDesign):
    """The arrays of one attention layer as card and window have them: N x N weights A_ij.

    `amplitude` is the largest change of a weight; w_span the smaller of the mean responses to n_max pulses up
    and down, so that the amplitude is reachable both ways; `offset` is the window's.
    """

    wanted: Tensor
    """Changes A - offset by the spike counts of query and key, (levels, levels), float64."""
    silent: str
    """Policy for tokens that send no spike."""

    @classmethod
    def of(cls, name: str, leaf: WrittenAttention, card: ChipCard) -> WrittenDesign:
        """Return the design of one leaf's arrays.

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
    def table(self) -> PulseTable:
        """The write rule: pulses by two spike counts for the mean device, when new."""
        return PulseTable(self.wanted, self.amplitude, self.card)

    @cached_property
    def levels(self) -> int:
        """Distinct spike counts, 0 .. head_dim."""
        return len(self.wanted)
