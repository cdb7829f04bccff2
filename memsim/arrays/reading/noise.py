"""Fresh noise of a read: of the devices that carry current, and of each conversion by itself.

    sigma_mc^2 = noise^2 (v_mc + floor),   floor = (sigma_conversion / noise)^2

Both are normal and independent, so one number is drawn for their sum.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from memsim.card.fields import CardFields
from memsim.devices.weights.weight_cell import WeightCell


class ReadNoise(NamedTuple):
    """The noise of one sort of reads, as :class:`memsim.arrays.reading.weight_read.ReadOut` takes it."""

    power_SRC: Tensor | None
    """g_max (G+ + G-) [S^2], what v sums; None: no noise at all."""
    noise: float
    """Factor of sqrt(v + floor) [V]."""
    floor: float
    """Variance of a conversion in the unit of v [S^2]."""


def read_noise(power_SRC: Tensor | None, cell: WeightCell, card: CardFields, like: Tensor) -> ReadNoise:
    """Return the noise of reads of arrays like `like` (S, R, C); power_SRC: of noisy devices, else None."""
    section = card.weights
    devices = cell.read_noise * section.read_voltage
    if section.output_noise == 0.0 or not card.on("output-noise"):
        return ReadNoise(power_SRC, devices, 0.0)
    span = bend(cell, card) * (cell.g_max - cell.g_min) * section.devices_per_weight  # the largest weight [S]
    conversion = section.output_noise * span * section.read_voltage  # [A]
    if power_SRC is None:
        return ReadNoise(torch.zeros_like(like), 1.0, conversion**2)
    return ReadNoise(power_SRC, devices, (conversion / devices) ** 2)


def bend(cell: WeightCell, card: CardFields) -> float:
    """Range of a cell's chord at the read voltage over that of its conductance, b [1]."""
    ends = torch.tensor([cell.g_min, cell.g_max], dtype=torch.float64)
    low, high = cell.chord(ends, card.weights.read_voltage)
    return float(high - low) / (cell.g_max - cell.g_min)
