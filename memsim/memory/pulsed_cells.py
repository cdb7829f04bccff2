"""Lines of pulsed cells: a reset and pulses on the devices of a card's `[attention]`.

A number is one plastic device beside a fixed reference, or a pair where cells move up only.

    share = (w - w_rest) / w_span      or (w+ - w-) / w_span

w_rest is the mean state after a reset, w_span the smaller of the mean changes by n_max pulses up and down.
The count is the one whose mean response is nearest (``coding = "calibrated"``), or proportional.  Devices are
drawn once for each chip, head and line; a context of another sequence finds the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.reading.written_noise import WrittenLaw
from memsim.arrays.writing.pulse_table import PulseTable, inverse
from memsim.devices import Fabric, stream
from memsim.memory.cells import CALL, LineCells, Shown, of_rows
from memsim.memory.design import ArrayDesign


class PulsedCells(LineCells):
    """Devices of the attention cell."""

    def __init__(self, design: ArrayDesign, seed: int, chips: Sequence[int], lines: int) -> None:
        self.design, self.lines, card = design, lines, design.card
        cell = card.attention_cell
        self.cell: Any = cell.without("read-noise") if "read-noise" in cell.effects else cell
        self.table = PulseTable(torch.zeros(1), 1.0, card)
        self.sides = ("plus", "minus") if cell.one_sided else ("device",)
        self.root = [stream(seed, list(chips), design.name, range(design.heads), s) for s in self.sides]
        self.fabrics: dict[int, list[Fabric]] = {}
        self.held: dict[int, list[Tensor]] = {}  #: states of a line as pulses move them
        self.shown: Shown | None = None
        self.images = np.zeros(0, np.int64)
        self.parallel = card.attention.devices_per_synapse
        rest, unit = card.cell_siemens
        reference = 0.0 if cell.one_sided else rest + unit * self.table.w_rest
        self.siemens = rest, unit, reference
        self.law = WrittenLaw.of(card, cell, self.siemens, self.parallel)

    @property
    def one(self) -> float:
        return self.parallel * self.siemens[1] * self.table.w_span

    def begin(self, images: np.ndarray, call: int) -> None:
        if len(images) != len(self.images):
            self.shown = None
        self.images, self.call = images, call

    def counts(self, share: Tensor) -> Tensor:
        """Signed pulses for shares in -1 .. 1."""
        table = self.table
        if self.design.card.attention.coding == "linear":
            count = share.double() * table.n_max
        else:
            goal = share.double() * table.w_span + table.w_rest
            count = inverse(torch.cummax(table.response, 0).values, goal) - table.n_max
        return (count.round() if self.design.card.on("pulse-rounding") else count).float()

    def write(self, rows: Sequence[int], share: Tensor, tokens: Sequence[int]) -> float:
        return sum(
            self._write(row, share[:, :, :, n], token)
            for n, (row, token) in enumerate(zip(rows, tokens, strict=True))
        )

    def _write(self, row: int, share: Tensor, token: int) -> float:
        """Reset and pulse one line to shares (S, H, B, C)."""
        if row not in self.fabrics:
            self.fabrics[row] = [
                self.cell.fabricate((share.shape[-1],), rng=rng.child("line", row)) for rng in self.root
            ]
        count = self.counts(share)[..., None, :]  # (S, H, B, 1, C): one step
        by_side = [count] if len(self.sides) == 1 else [count.clamp(min=0), (-count).clamp(min=0)]
        self._rewrite(row, [pulses.contiguous() for pulses in by_side], "write", token)
        return float(count.abs().sum(dtype=torch.float64)) * self._pulsed

    def move(self, row: int, change: Tensor, left: float, token: int) -> float:
        """Pulse a line from what it holds, without a reset, by shares (S, H, B, C); returns pulses.

        left: of its change since the reset, where volatile cells have relaxed.  n_max pulses stand for a
        share of 1, whatever a device holds.
        """
        count = (change.double() * self.table.n_max)[..., None, :]
        count = (count.round() if self.design.card.on("pulse-rounding") else count).float().contiguous()
        (state,), rest = self.held[row], self.table.w_rest
        start = (rest + (state - rest) * left)[..., None, :].contiguous()
        self._rewrite(row, [count], "move", token, start=start)
        return float(count.abs().sum(dtype=torch.float64)) * self._pulsed

    def _rewrite(self, row: int, by_side: list[Tensor], purpose: str, token: int, **start: Tensor) -> None:
        """Give pulses to each side of a line, and keep what it holds and what reads see of it."""
        both = []
        for visible in (True, False):
            both.append([
                self.cell.rewrite(
                    fabric, pulses, rng=rng.child(purpose, row), image=self.images,
                    step=[self.call * CALL + token], visible=visible, **start,
                )[..., 0, :]
                for fabric, pulses, rng in zip(self.fabrics[row], by_side, self.root, strict=True)
            ])  # fmt: skip
        seen, self.held[row] = both
        found = self._seen(seen)
        if self.shown is None:
            shape = (*found.share.shape[:3], self.lines, found.share.shape[-1])
            self.shown = found.each(lambda x: x.new_zeros(shape))
        for kept, values in zip(self.shown[:2], found[:2], strict=True):
            kept[:, :, :, row] = values

    def _seen(self, states: list[Tensor]) -> Shown:
        """What reads see of states (S, H, B, C) of each side."""
        rest, unit, reference = self.siemens
        held = [w.clamp(min=-rest / unit) for w in states]
        change = held[0] - (held[1] if len(held) == 2 else self.table.w_rest)
        siemens = self.parallel * (rest * len(held) + reference + unit * torch.stack(held).sum(0))
        return Shown(change / self.table.w_span, siemens)

    @property
    def _pulsed(self) -> int:
        """Devices that one pulse reaches."""
        return self.parallel if self.design.card.attention.sharing == "all" else 1

    def show(self, rows: Sequence[int], ages: np.ndarray) -> Shown:
        assert self.shown is not None
        return self.shown.each(lambda x: of_rows(x, rows))

    def variance(self, drive: Tensor, shown: Shown) -> Tensor | None:
        if self.law is None:
            return None
        rest, unit, reference = self.siemens
        # both sides of a pair carry the same law, so that their states enter as a sum
        state = (shown.siemens / self.parallel - reference - len(self.sides) * rest) / unit
        c0, c1, c2 = self.law.device
        p0, p1 = self.law.idle
        sides = len(self.sides)
        driven = drive.abs() @ (sides * c0 + (c1 + c2 * state / sides) * state)
        always = (sides * p0 + p1 * state).sum(-2, keepdim=True) + self.law.conversion
        return (driven + always) / self.table.w_span**2
