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
from memsim.memory.cells import LineCells, Shown
from memsim.memory.design import ArrayDesign


class PulsedCells(LineCells):
    """Devices of the attention cell."""

    def __init__(self, design: ArrayDesign, seed: int, chips: Sequence[int]) -> None:
        self.design, card = design, design.card
        cell = card.attention_cell
        self.cell: Any = cell.without("read-noise") if "read-noise" in cell.effects else cell
        self.table = PulseTable(torch.zeros(1), 1.0, card)
        self.sides = ("plus", "minus") if cell.one_sided else ("device",)
        self.root = [stream(seed, list(chips), design.name, range(design.heads), s) for s in self.sides]
        self.fabrics: dict[int, list[Fabric]] = {}
        self.states: dict[int, list[Tensor]] = {}  #: as a read sees them
        self.held: dict[int, list[Tensor]] = {}  #: as pulses move them
        self.parallel = card.attention.devices_per_synapse
        rest, unit = card.cell_siemens
        reference = 0.0 if cell.one_sided else rest + unit * self.table.w_rest
        self.siemens = rest, unit, reference
        self.law = WrittenLaw.of(card, cell, self.siemens, self.parallel)

    def counts(self, share: Tensor) -> Tensor:
        """Signed pulses for shares in -1 .. 1."""
        table = self.table
        if self.design.card.attention.coding == "linear":
            count = share.double() * table.n_max
        else:
            goal = share.double() * table.w_span + table.w_rest
            count = inverse(torch.cummax(table.response, 0).values, goal) - table.n_max
        return (count.round() if self.design.card.on("pulse-rounding") else count).float()

    def write(self, row: int, share: Tensor, images: np.ndarray, token: int) -> float:
        if row not in self.fabrics:
            self.fabrics[row] = [
                self.cell.fabricate((share.shape[-1],), rng=rng.child("line", row)) for rng in self.root
            ]
        count = self.counts(share)[..., None, :]  # (S, H, B, 1, C): one step
        by_side = [count] if len(self.sides) == 1 else [count.clamp(min=0), (-count).clamp(min=0)]
        for kept, visible in ((self.states, True), (self.held, False)):
            kept[row] = [
                self.cell.rewrite(
                    fabric, pulses.contiguous(), rng=rng.child("write", row), image=images, step=[token],
                    visible=visible,
                )[..., 0, :]
                for fabric, pulses, rng in zip(self.fabrics[row], by_side, self.root, strict=True)
            ]  # fmt: skip
        return float(count.abs().sum(dtype=torch.float64)) * self._pulsed

    def move(self, row: int, change: Tensor, left: float, images: np.ndarray, token: int) -> float:
        """Pulse a line from what it holds, without a reset, by shares (S, H, B, C); returns pulses.

        left: of its change since the reset, where volatile cells have relaxed.  n_max pulses stand for a
        share of 1, whatever a device holds.
        """
        count = (change.double() * self.table.n_max)[..., None, :]
        count = (count.round() if self.design.card.on("pulse-rounding") else count).float().contiguous()
        (fabric,), (rng,), (state,) = self.fabrics[row], self.root, self.held[row]
        rest = self.table.w_rest
        start = (rest + (state - rest) * left)[..., None, :].contiguous()
        how = {"rng": rng.child("move", row), "image": images, "step": [token], "start": start}
        self.states[row] = [self.cell.rewrite(fabric, count, **how)[..., 0, :]]
        self.held[row] = [self.cell.rewrite(fabric, count, visible=False, **how)[..., 0, :]]
        return float(count.abs().sum(dtype=torch.float64)) * self._pulsed

    @property
    def _pulsed(self) -> int:
        """Devices that one pulse reaches."""
        return self.parallel if self.design.card.attention.sharing == "all" else 1

    def show(self, rows: Sequence[int], ages: Sequence[float]) -> Shown:
        rest, unit, reference = self.siemens
        held = [torch.stack([self.states[n][side] for n in rows], 3) for side in range(len(self.sides))]
        held = [w.clamp(min=-rest / unit) for w in held]
        change = held[0] - (held[1] if len(held) == 2 else self.table.w_rest)
        siemens = self.parallel * (rest * len(held) + reference + unit * torch.stack(held).sum(0))
        share = change / self.table.w_span
        return Shown(share, siemens)

    def variance(self, drive: Tensor, shown: Shown) -> Tensor | None:
        if self.law is None:
            return None
        rest, unit, reference = self.siemens
        # both sides of a pair carry the same law, so that their states enter as a sum
        state = (shown.siemens / self.parallel - reference - len(self.sides) * rest) / unit
        c0, c1, c2 = self.law.device
        p0, p1 = self.law.idle
        sides = len(self.sides)
        driven = (drive.abs().mT @ (sides * c0 + (c1 + c2 * state / sides) * state))[..., 0, :]
        always = (sides * p0 + p1 * state).sum(-2) + self.law.conversion
        return (driven + always) / self.table.w_span**2
