"""Arrays that sums of outer products of spikes are written to, and that spikes are read by."""

from __future__ import annotations

import torch
from torch import Tensor

from memsim.arrays.attention_input import by_array, by_step
from memsim.arrays.products.outer_events import OuterEvents
from memsim.arrays.products.outer_products import OuterDesign, OuterProducts
from memsim.arrays.reading.attention_read import NOTHING, AttentionReading
from memsim.arrays.rewritten_array import RewrittenArray
from memsim.run import Address, Run


class OuterArray(RewrittenArray):
    """One kind of arrays of a layer: M word lines are sensed, N bit lines driven.

    An ideal cell holds the number of spike pairs itself; a pulsed cell's numbers are in full writes.
    """

    design: OuterDesign

    def __init__(self, design: OuterDesign, run: Run) -> None:
        super().__init__(design, run)
        self.costs = OuterEvents(design, run)

    def write(self, rows: Tensor, columns: Tensor, each: Tensor, at: Address) -> list[Tensor]:
        """Reset and pulse every array, every image and step: `each` (S,) pulses for every pair of spikes that
        meet in a slot, rows (S, H, B, T, M, slots) and columns (S, H, B, T, N, slots).

        Returns the visible states of each side, (S, H, B, T, M, N).
        """
        each = each.to(torch.float64)
        if self.writer is None:
            self.costs.write(rows, columns, None, each[:, None])
            return [(rows @ columns.transpose(-1, -2)).to(self.run.dtype)]
        devices = self.devices(rows.shape[1], rows.shape[-2], columns.shape[-2])
        rule = OuterProducts(self.design.table, each.float().view(-1, *[1] * 5))
        pulses = rule.pulses(rows.float(), columns.float())
        self.costs.write(rows, columns, pulses, each[:, None])
        goal = rule.goals(rows.float(), columns.float()) if self.writer.rounds else None
        return self.writer.write(devices, pulses, goal, at, corrected=self.costs.correction)

    def numbers(self, held: list[Tensor], drives: Tensor, at: Address) -> AttentionReading:
        """Read states by spikes (T, S B, H, N, reads): numbers (T, S B, H, M, reads), through the ADC; its
        range is widened while it is calibrated.
        """
        heads, (rows, columns), chips = drives.shape[2], held[0].shape[-2:], len(self.run.chips)
        reader = self.reader(heads, rows, at, columns)
        if self.design.exact:
            values = by_array(drives.to(held[0].dtype), chips)
            found = current = held[0] @ values
            clips = 0
            if not self.run.calibrating:
                found, clips = reader.plain(current, values)
            reading = AttentionReading(by_step(found), NOTHING, 0, clips)
        else:
            reading = reader(held, drives.float())
            current = by_array(reading.numbers, chips)
        if self.run.calibrating:
            self.calibrate(current)
        return reading
