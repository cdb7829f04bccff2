"""Dot-product attention in Hebbian order: fast weights, the sum of outer products of keys and values.

    M_dc   = sum_j V_jd K_jc       written token by token, D x D cells: `each` pulses where V_jd and K_jc meet
    out_id = sum_c M_dc Q_ic       N reads: a query's spikes drive bit lines, features d are sensed

A cell must hold any sum up to N, which is not known before the write, so nothing can be coded for: devices
that saturate err, and one factor for each chip, found in calibration, makes numbers of states:

    each   = floor(n_max / M_top), at least 1  M_top the largest sum of the first training images
    factor = sum M r(M) / sum r(M)^2           over all training images; r(M) the mean rise by each M pulses

Larger sums are pulsed on and saturate; they are noted ("cells pulsed beyond a full write").
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from memsim.arrays.attention_input import by_array
from memsim.arrays.products.product_attention import ProductAttentionArray
from memsim.run import Address, Run
from memsim.written_attention import ProductAttention


class HebbianAttention(ProductAttentionArray):
    """Product attention in Hebbian order.  ``recorded`` holds the sums M as read: (S, B, H, T, D, D)."""

    reason: ClassVar[str] = "Hebbian order: outer products of keys and values are written for each image"

    pulses: Tensor
    """Pulses of one pair of spikes (S,); 0 before calibration."""
    fit: Tensor
    """sum M r and sum r^2 over the training images, (2, S)."""

    def __init__(self, name: str, leaf: ProductAttention, run: Run) -> None:
        super().__init__(name, leaf, run, ("sums",))
        self.register_buffer("pulses", torch.zeros(len(run.chips), dtype=torch.float64))
        self.register_buffer("fit", torch.zeros(2, len(run.chips), dtype=torch.float64))

    def program(self) -> None:
        """Take new devices, without ranges and levels."""
        super().program()
        self.pulses, self.fit = (
            self.pulses.new_zeros(len(self.run.chips)),
            self.fit.new_zeros(2, len(self.run.chips)),
        )

    def attend(self, q: Tensor, k: Tensor, v: Tensor, at: Address) -> Tensor:
        (array,), chips = self.arrays, len(self.run.chips)
        rows, columns = (by_array(x, chips).transpose(-1, -2) for x in (v, k))
        if self.run.calibrating and not array.design.exact:
            self._find_levels(rows @ columns.transpose(-1, -2))
        each, factor = self._levels(q.shape[-2])
        held = array.write(rows, columns, each, at)
        drives = q.transpose(-1, -2)
        reading = array.numbers(held, drives, at)
        by_reads = by_array(drives, chips)
        made = by_reads.new_full(by_reads.shape[:4], drives.shape[-1])
        array.costs.reads(by_reads, reading, made, 3 * v.numel(), 0, integers=False)
        if self.recording:
            if not array.design.exact:
                array.reader(v.shape[2], v.shape[4]).weights(held)
            self.recorded = (held[0] * factor.view(-1, *[1] * 5).to(held[0])).transpose(1, 2)
        by_chip = reading.numbers.unflatten(1, (chips, -1)) * factor.view(-1, *[1] * 4).to(reading.numbers)
        return by_chip.flatten(1, 2).transpose(-1, -2)

    def _find_levels(self, sums: Tensor) -> None:
        """Fit pulses, once, and the factor to the sums (S, H, B, T, D, D) of training images."""
        rise, top = self.arrays[0].design.table, sums.amax((1, 2, 3, 4, 5)).double()
        each = (rise.n_max / top.clamp(min=1)).floor().clamp(min=1)
        self.pulses = torch.where(self.pulses == 0, each, self.pulses)
        risen = rise.risen(sums * self.pulses.view(-1, *[1] * 5))
        more = [(x * risen).sum((1, 2, 3, 4, 5), dtype=torch.float64) for x in (sums, risen)]
        self.fit = self.fit + torch.stack(more)

    def _levels(self, tokens: int) -> tuple[Tensor, Tensor]:
        """Return pulses of a pair of spikes and the factor from full writes to sums, (S,) each; without
        training images N pairs make a full write at most, where it has that many pulses.
        """
        if self.arrays[0].design.exact:
            return torch.ones_like(self.pulses), torch.ones_like(self.pulses)
        rise = self.arrays[0].design.table
        plain = torch.full_like(self.pulses, max(rise.n_max // tokens, 1))
        each = torch.where(self.pulses == 0, plain, self.pulses)
        product, square = self.fit
        return each, torch.where(square > 0, product / square.clamp(min=1e-12), 1 / rise.risen(each))
