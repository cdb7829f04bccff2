"""The arrays of STDP attention: N x N devices for each chip and head, rewritten for every image and step.

Query tokens i sit on word lines, key tokens j on bit lines.  For each image and time step: one reset, one
write, D reads.

    n_ij   = pulses(r_Q(i), r_K(j))                       signed; up where dt < 0, down otherwise (ties down)
    out_id = sum_j A_ij V_jd                               value spikes drive bit lines, word lines are sensed

Shapes: chips S, heads H, images B, steps T, tokens N, features D; arrays come first: (S, H, B, T, ...).
"""

from __future__ import annotations

import torch
from torch import Tensor

from memsim.arrays.rewritten_array import RewrittenArray
from memsim.arrays.writing.design import WrittenDesign
from memsim.arrays.writing.rules import WriteRule
from memsim.arrays.writing.write_events import AttentionEvents
from memsim.run import Address


class WrittenArray(RewrittenArray):
    """The arrays of one layer of STDP attention on every chip."""

    design: WrittenDesign

    def write(self, q: Tensor, k: Tensor, at: Address, events: AttentionEvents) -> list[Tensor]:
        """Reset and pulse every array, every image and step, by spike counts q and k (S, H, B, T, N).

        Returns the visible states of each side, (S, H, B, T, N, N).
        """
        assert self.writer is not None
        devices = self.devices(q.shape[1], q.shape[-1])
        rule: WriteRule = self.design.table if devices.own is None else devices.own
        if rule.keep:
            raise ValueError(f"{self.design.name}: keep = {rule.keep}: these arrays are reset before a write")
        pulses = rule.pulses(q, k)
        events.write(q, k, pulses)
        goal = rule.goals(q, k) if self.writer.rounds else None
        return self.writer.write(devices, pulses, goal, at, corrected=events.correction)

    def exact_weights(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the weights A - offset that ideal cells hold, (S, H, B, T, N, N)."""
        wanted = self.design.wanted.to(q.device, self.run.dtype)
        index = (q.long() * self.design.levels)[..., :, None] + k.long()[..., None, :]
        return torch.take(wanted, index)

    @property
    def largest(self) -> tuple[int, int]:
        """Heads and tokens of the largest arrays that were written; none before the first image."""
        return self.largest_size[:2]
