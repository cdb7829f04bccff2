"""What the resistance of lines leaves of written arrays, in reads of whole lines and of single cells."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from memsim.wires.crosspoints import Law, seen_states
from memsim.wires.lines import Lines


@dataclass(frozen=True)
class WrittenLines:
    """The lines of arrays whose cells are G = rest + w unit, with n devices in parallel at a crossing."""

    lines: Lines
    law: Law  #: n (rest, unit, reference) [S]
    floor: float  #: the state whose conductance is 0
    activity: float  #: share of lines driven at once, where the others are switched off

    def seen(self, held: list[Tensor]) -> tuple[list[Tensor], Tensor, int]:
        """Return the states that a read finds (S, H, B, T, N, N), the sums of the true ones on every driven
        line (S, H, B, T, N), and how many of these were floored.
        """
        column = torch.stack([w.clamp(min=self.floor).sum(-2) for w in held]).sum(0)
        floors = sum(int((w < self.floor).sum()) for w in held)
        return seen_states(held, self.law, self.floor, self.lines, self.activity), column, floors

    def alone(self, held: list[Tensor]) -> list[Tensor]:
        """Return the states that reads of one driven line at a time find."""
        return seen_states(held, self.law, self.floor, self.lines, 0.0)
