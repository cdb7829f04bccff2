"""Lines of weight cells, written with verify: pairs G+, G- of a card's `[weights]`, each line with its age.

    share = (h(G+) - h(G-)) / (b n (g_max - g_min)),   h the chord of the I-V curve, n devices in parallel

Every write draws programming error, drift exponent and paths through time anew, as aihwkit does at each
programming: what of it belongs to the device and would come again at its next write is not modelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.reading.noise import bend, carries_noise, read_noise
from memsim.devices import stream
from memsim.memory.cells import LineCells, Shown
from memsim.memory.design import ArrayDesign

GRID = 64  #: shares over which the mean drift is taken


class VerifiedCells(LineCells):
    """Devices of the weight cell."""

    def __init__(self, design: ArrayDesign, seed: int, chips: Sequence[int]) -> None:
        self.design, self.cell = design, design.card.weight_cell
        self.rng = stream(seed, list(chips), design.name, range(design.heads), "line")
        self.states: dict[int, Any] = {}
        self.many = design.card.weights.devices_per_weight
        self.noisy = carries_noise(self.cell, design.card) or design.card.weights.amplifier_noise > 0

    def write(self, row: int, share: Tensor, images: np.ndarray, token: int) -> float:
        cell = self.cell
        goal = share[..., None, :] * (cell.g_max - cell.g_min)
        target = torch.cat([goal.clamp(min=0), (-goal).clamp(min=0)] * self.many, -2) + cell.g_min
        rng = self.rng.child("sequence", images).child("token", token)
        self.states[row] = cell.write(target.clamp(max=cell.g_max), rng=rng)
        return 0.0

    def show(self, rows: Sequence[int], ages: Sequence[float]) -> Shown:
        cell, voltage = self.cell, self.design.section.read_voltage
        now = torch.stack(
            [cell.read(cell.relax(self.states[n], age)) for n, age in zip(rows, ages, strict=True)], 3
        )  # (S, H, B, N, 2 n, C)
        seen = cell.chord(now, voltage)
        plus, minus = seen[..., 0::2, :].sum(-2), seen[..., 1::2, :].sum(-2)
        return Shown((plus - minus) / self._span, plus + minus)

    @property
    def _span(self) -> float:
        """Siemens that a read sees of the largest number."""
        return bend(self.cell, self.design.card) * (self.cell.g_max - self.cell.g_min) * self.many

    def variance(self, drive: Tensor, shown: Shown) -> Tensor | None:
        if not self.noisy:
            return None
        power = shown.siemens.flatten(0, 2) * self.cell.g_scale  # (S H B, N, C)
        carries = carries_noise(self.cell, self.design.card)
        power, noise = read_noise(power if carries else None, self.cell, self.design.card, power, 1)
        if power is None:
            return None
        found = noise.of_drive(drive.flatten(0, 2)).mT @ power  # (S H B, 1, C)
        if noise.floor_SKC is not None:
            found = found + noise.floor_SKC
        scale = noise.factor / (self.design.section.read_voltage * self._span)
        return (found * scale**2).unflatten(0, shown.share.shape[:3])[..., 0, :]

    def gain(self, ages: Sequence[float]) -> Tensor:
        if not self.design.drifts or not ages:
            return super().gain(ages)
        drift = self.cell.drift
        assert drift is not None
        target = torch.linspace(0.0, 1.0, GRID, dtype=torch.float64) * (self.cell.g_max - self.cell.g_min)
        x = (target + self.cell.g_min) / self.cell.g_scale
        nu = drift.mean(x) * self.cell.strength("drift")
        return torch.stack([(drift.factor(nu, age) * x).sum() / x.sum() for age in ages])
