"""Dot-product attention in score order: keys and values as binary cells.

    s_ij   = sum_c K_jc Q_ic       keys are written, N x D cells; N reads: a query's spikes drive features c
    out_id = sum_j V_jd s_ij       values are written, D x N cells; scores drive tokens j in one-bit passes

A spike is written as a full write, so that cells hold 0 or 1.  Scores come out of the ADC, are rounded to
whole numbers from 0 to D and sent on digit by digit (``bit-serial``: bits from the lowest on, results shifted
and added) or in as many passes as they are large (``unary``); a query takes the passes that its largest score
needs.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from memsim.arrays.attention_input import by_array
from memsim.arrays.products.product_attention import ProductAttentionArray
from memsim.run import Address, Run
from memsim.written_attention import ProductAttention


class ScoreAttention(ProductAttentionArray):
    """Product attention in score order.  ``recorded`` holds the scores times gain: (S, B, H, T, N, N)."""

    reason: ClassVar[str] = "score order: keys and values are written as binary cells for each image"

    def __init__(self, name: str, leaf: ProductAttention, run: Run) -> None:
        super().__init__(name, leaf, run, ("keys", "values"))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, at: Address) -> Tensor:
        scores = self._scores(q, k, at)
        if self.recording:
            by_image = by_array(scores.transpose(-1, -2), len(self.run.chips)).transpose(1, 2)
            self.recorded = by_image * self.leaf.gain[:, None, None, None].to(by_image)
        values, chips = self.arrays[1], len(self.run.chips)
        rows = by_array(v, chips).transpose(-1, -2)
        held = values.write(rows, self._one_by_one(rows), self._full_write(v), at)
        found = [self._mixed([w[..., t : t + 1, :, :].contiguous() for w in held], scores[t : t + 1], at, t)
                 for t in range(len(v))]  # fmt: skip
        return torch.cat(found).transpose(-1, -2)

    def _scores(self, q: Tensor, k: Tensor, at: Address) -> Tensor:
        """Return whole scores (T, S B, H, N keys, N queries), as the ADC has them."""
        array, chips = self.arrays[0], len(self.run.chips)
        columns, drives = by_array(k, chips).transpose(-1, -2), q.transpose(-1, -2)
        held = array.write(self._one_by_one(columns), columns, self._full_write(q), at)
        reading = array.numbers(held, drives, at)
        by_reads = by_array(drives, chips)
        made = by_reads.new_full(by_reads.shape[:4], drives.shape[-1])
        array.costs.reads(by_reads, reading, made, 2 * q.numel(), q.shape[4], integers=False)
        return reading.numbers.round().clamp(0, q.shape[-1])

    def _mixed(self, held: list[Tensor], scores: Tensor, at: Address, step: int) -> Tensor:
        """Return sums of values (1, S B, H, D, N queries) of a step by its scores (1, S B, H, keys,
        queries).
        """
        array, heads, tokens = self.arrays[1], scores.shape[2], scores.shape[-1]
        width = held[0].shape[-2]
        least, weight = self._digits(width, scores)
        if self.run.card.attention.score_drive == "unary":
            digits = scores[..., None] >= least
        else:
            digits = (scores[..., None] / least).floor() % 2 == 1
        needed = scores.amax(-2)[..., None] >= least  # (1, S B, H, N queries, passes)
        drives = digits.to(scores.dtype).flatten(-2)
        reading = array.numbers(held, drives, Address(at.images, range(step, step + 1), at.call))
        chips = len(self.run.chips)
        made = by_array(needed.sum((-2, -1)).to(torch.float64), chips)
        moved = scores.shape[1] * heads * tokens * width
        array.costs.reads(by_array(drives, chips), reading, made, moved, tokens, integers=True)
        results = reading.numbers.unflatten(-1, (tokens, -1)) * needed[:, :, :, None]
        return (results * weight).sum(-1)

    def _digits(self, largest: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return the least score that needs each pass, and what its result counts."""
        if self.run.card.attention.score_drive == "unary":
            least = torch.arange(1, largest + 1, dtype=like.dtype, device=like.device)
            return least, torch.ones_like(least)
        least = 2.0 ** torch.arange(largest.bit_length(), dtype=like.dtype, device=like.device)
        return least, least

    def _one_by_one(self, trains: Tensor) -> Tensor:
        """Return a slot for each token: spikes (S, H, B, T, N, N slots) of the tokens' own lines beside
        `trains`.
        """
        tokens = trains.shape[-1]
        own = torch.eye(tokens, dtype=trains.dtype, device=trains.device)
        return own.expand(*trains.shape[:-2], tokens, tokens)

    def _full_write(self, like: Tensor) -> Tensor:
        """Return pulses that write a 1, (S,)."""
        number = 1 if self.arrays[0].design.exact else self.arrays[0].design.n_max
        return torch.full((len(self.run.chips),), float(number), device=like.device)
