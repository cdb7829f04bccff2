"""Lines of pulsed cells: a reset followed by pulses on the devices of the card's `[attention]` section.

A number is one device and a fixed reference, or a pair of devices if pulses only increase their conductance.

    share = (w - w_rest) / w_span      or (w+ - w-) / w_span

w is the unitless state of a device, w_rest its mean after a reset, and w_span the smaller of the mean changes
by n_max pulses up and by n_max pulses down.  The number of pulses is the one with the nearest mean response
(``coding = "calibrated"``) or proportional to the share (``"linear"``).  Devices are drawn once for each
chip, head and line, and are the same for every sequence.
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
    """Devices of a memory that are written by pulses, with the law of the card's attention cell."""

    def __init__(self, design: ArrayDesign, seed: int, chips: Sequence[int], lines: int) -> None:
        self.design, self.lines, card = design, lines, design.card
        cell = card.attention_cell
        self.cell: Any = cell.without("read-noise") if "read-noise" in cell.effects else cell
        self.table = PulseTable(torch.zeros(1), 1.0, card)
        self.sides = ("plus", "minus") if cell.one_sided else ("device",)
        self.root = [stream(seed, list(chips), design.name, range(design.heads), s) for s in self.sides]
        self.fabrics: dict[int, list[Fabric]] = {}
        self.held: dict[int, list[Tensor]] = {}  #: states of each line, without the noise of their last write
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
        """Return signed numbers of pulses, of the same shape, for shares from -1 to 1."""
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
        """Reset one line, write shares (S, H, B, C) by pulses, and return the number of pulses."""
        if row not in self.fabrics:
            self.fabrics[row] = [
                self.cell.fabricate((share.shape[-1],), rng=rng.child("line", row)) for rng in self.root
            ]
        count = self.counts(share)[..., None, :]  # (S, H, B, 1, C): one step
        by_side = [count] if len(self.sides) == 1 else [count.clamp(min=0), (-count).clamp(min=0)]
        self._rewrite(row, [pulses.contiguous() for pulses in by_side], "write", token)
        return float(count.abs().sum(dtype=torch.float64)) * self._pulsed

    def move(self, row: int, change: Tensor, left: float, token: int) -> float:
        """Change a line by shares (S, H, B, C) without a reset and return the number of pulses.

        left: factor by which volatile cells have relaxed towards their reset state since the last write [1].
        A share of 1 takes n_max pulses, whatever the present state of a device.
        """
        count = (change.double() * self.table.n_max)[..., None, :]
        count = (count.round() if self.design.card.on("pulse-rounding") else count).float().contiguous()
        (state,), rest = self.held[row], self.table.w_rest
        start = (rest + (state - rest) * left)[..., None, :].contiguous()
        self._rewrite(row, [count], "move", token, start=start)
        return float(count.abs().sum(dtype=torch.float64)) * self._pulsed

    def _rewrite(self, row: int, by_side: list[Tensor], purpose: str, token: int, **start: Tensor) -> None:
        """Apply pulses to each device of a line, then store its states with and without write noise."""
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
        """Convert the states (S, H, B, C) of the device or of both devices of a pair to shares and
        siemens.
        """
        rest, unit, reference = self.siemens
        held = [w.clamp(min=-rest / unit) for w in states]
        change = held[0] - (held[1] if len(held) == 2 else self.table.w_rest)
        siemens = self.parallel * (rest * len(held) + reference + unit * torch.stack(held).sum(0))
        return Shown(change / self.table.w_span, siemens)

    @property
    def _pulsed(self) -> int:
        """Number of parallel devices that receive each pulse."""
        return self.parallel if self.design.card.attention.sharing == "all" else 1

    def show(self, rows: Sequence[int], ages: np.ndarray) -> Shown:
        assert self.shown is not None
        return self.shown.each(lambda x: of_rows(x, rows))

    def variance(self, drive: Tensor, shown: Shown) -> Tensor | None:
        if self.law is None:
            return None
        rest, unit, reference = self.siemens
        # both devices of a pair follow the same law, so only the sum of their states is needed
        state = (shown.siemens / self.parallel - reference - len(self.sides) * rest) / unit
        c0, c1, c2 = self.law.device
        p0, p1 = self.law.idle
        sides = len(self.sides)
        driven = drive.abs() @ (sides * c0 + (c1 + c2 * state / sides) * state)
        always = (sides * p0 + p1 * state).sum(-2, keepdim=True) + self.law.conversion
        return (driven + always) / self.table.w_span**2
