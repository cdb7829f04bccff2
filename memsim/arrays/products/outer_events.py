"""What outer products on arrays cost.

In a slot the lines that spike on either side are driven `each` times, where both sides have one.  With a and
b the numbers of word lines and bit lines that spike in a slot, M and N those of the array:

    pulses                      P = each sum a b
    drives of lines             L = each (sum a [b > 0] + sum b [a > 0])
    half-selected cell-pulses   each (N sum a [b > 0] + M sum b [a > 0]) - 2 P

Heads write at once and wait for the one with most slots.
"""

from __future__ import annotations

import torch
from torch import Tensor

from memsim.arrays.reading.attention_read import AttentionReading
from memsim.arrays.writing.array_events import ArrayEvents, Size
from memsim.energy.ledger import Work

BEYOND = "cells pulsed beyond a full write"
"""Note: cells whose sums were larger than calibration met; their devices saturate."""


class OuterEvents(ArrayEvents):
    """Enters the work of arrays that outer products are written to."""

    def write(self, rows: Tensor, columns: Tensor, pulses: Tensor | None, each: Tensor) -> None:
        """A reset and the pulses of all slots: spikes rows (S, H, B, T, M, slots) and columns (S, H, B, T, N,
        slots), pulses (S, H, B, T, M, N), none for ideal cells; each (S, 1) a pair of spikes.
        """
        if not self.counting:
            return
        work, size = Work([], [], [], []), Size(rows.shape[-2], columns.shape[-2])
        cells = float(rows.shape[:4].numel() * size.rows * size.columns)
        self._reset(work, cells, cells / rows.shape[1] / (size.rows * size.columns), size)
        a, b = (spikes.detach().sum(-2, dtype=torch.float64) for spikes in (rows, columns))
        both = (a > 0) & (b > 0)
        slots = each * both.sum(-1).amax(1).sum(1)
        work.seconds.append((self.name, float(slots.sum()) * self.pulse_time))
        if pulses is not None:
            number, word, bit = (each * (x * both).sum((1, 2, 4)) for x in (a * b, a, b))
            drives = word + bit
            crossed = (word * size.columns + bit * size.rows) / drives.clamp(min=1.0)
            index = pulses.long()
            met = self.energy.met(torch.arange(int(index.max()) + 1, device=pulses.device))
            siemens = met[index].sum((1, 2, 4, 5), dtype=torch.float64)
            self._pulses(work, number * self.shared, siemens * self.shared, drives * self.shared, crossed)
            work.notes.append((self.name, BEYOND, float((pulses > self.n_max).sum())))
        self.run.ledger.enter(*work)

    def reads(
        self, drives: Tensor, reading: AttentionReading, made: Tensor, moved: float, beside: int,
        integers: bool,
    ) -> None:  # fmt: skip
        """Reads made (S, H, B, T) of each array: drives (S, H, B, T, N, reads) of bit lines.

        moved: spikes that come in; beside: word lines of the other array of a head; integers: drives are
        digits of whole numbers, which go over the bus, and results are shifted and added.
        """
        if not self.counting:
            return
        work, size = (
            Work([], [], self.of_reading(reading), []),
            Size(reading.numbers.shape[3], drives.shape[4]),
        )
        number, longest = (float(x.sum(dtype=torch.float64)) for x in (made, made.amax(1)))
        self._read(work, drives.sum(-1), reading.column, number, longest, size, moved, beside)
        if integers:
            work.events.append((self.name, "digital-add", number * size.rows))
            if not self.design.exact:
                work.events.append((self.name, "bus-bit", number * size.columns))
        self.run.ledger.enter(*work)
