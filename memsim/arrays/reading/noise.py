"""Fresh noise of a read: of the devices that carry current, and of each conversion.

    sigma_mc^2 = noise^2 (sum_r f(x_r) P_rc + floor_kc),   f(x) = square x^2 + linear |x| + driven [x != 0]
    P = g_scale (G+ + G-)                                                                             [S^2]

Current noise [A^2] of a read of t seconds at V volts, bandwidth 1 / (2 t), by its parts:

    device    (read_noise V)^2 g_scale sum x^2 G        as the cell's source has it            square
    shot      2 F q I / (2 t) = (F q V / t) sum |x| G   I the current of every device          linear
    thermal   4 k T G / (2 t) = (2 k T / t) sum G       of rows with x != 0 (transistors)      driven
                                                        of all rows in passive arrays          floor
    amplifier i_n^2 / (2 t), converter sigma^2          whatever is driven                     floor

All are normal and independent, so one number is drawn for their sum.  F is the card's Fano factor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

import torch
from torch import Tensor

from memsim.card.circuit_noise import FreshNoise
from memsim.card.fields import CardFields
from memsim.devices.weights.weight_cell import WeightCell


@dataclass(frozen=True)
class ReadNoise:
    """The noise of one kind of read, as :class:`memsim.arrays.reading.weight_read.ReadOut` takes it."""

    factor: float = 0.0
    """Of the root [V]; 0: no noise at all."""
    square: float = 1.0
    """Of x^2 P [1]."""
    linear: float = 0.0
    """Of |x| P [1]."""
    driven: float = 0.0
    """Of P where x is not 0 [1]."""
    floor_SKC: Tensor | None = None
    """What every conversion has, in the unit of P [S^2]; None: nothing."""

    def of_lines(self, lines: slice) -> ReadNoise:
        """Return the same for some of the sensed lines."""
        if self.floor_SKC is None:
            return self
        return replace(self, floor_SKC=self.floor_SKC[..., lines].contiguous())

    def of_drive(self, x: Tensor) -> Tensor:
        """f(x)."""
        return self.square * x.square() + self.linear * x.abs() + self.driven * (x != 0)


QUIET = ReadNoise()


def carries_noise(cell: WeightCell, card: CardFields) -> bool:
    """Return whether devices of a card's weight arrays add noise to a read; ideal ones never do."""
    if cell.exact:
        return False
    fresh = FreshNoise.of(card, card.weights)
    return cell.read_noise > 0 or fresh.thermal > 0 or fresh.shot > 0


def read_noise(
    power_SRC: Tensor | None, cell: WeightCell, card: CardFields, like: Tensor, tiles: int
) -> tuple[Tensor | None, ReadNoise]:
    """Return P and the noise of reads of arrays like `like` (S, R, C), in row tiles.

    power_SRC: P where the devices of the cell are noisy, else None, and then zeros where conversions are.
    """
    section = card.weights
    fresh, devices = FreshNoise.of(card, section), 0.0 if power_SRC is None else cell.read_noise
    constant = fresh.amplifier
    if section.output_noise and card.on("output-noise"):
        span = bend(cell, card) * (cell.g_max - cell.g_min) * section.devices_per_weight  # largest weight [S]
        constant += (section.output_noise * span * section.read_voltage) ** 2
    if power_SRC is None:
        if not constant:
            return None, QUIET
        floor = like.new_full((len(like), tiles, like.shape[2]), constant)
        return torch.zeros_like(like), ReadNoise(factor=1.0, floor_SKC=floor)
    factor = section.read_voltage * (devices or 1.0)
    unit = cell.g_scale * factor**2  # [A^2/S]
    passive = section.wires == "grounded" and fresh.thermal > 0.0
    floor = None
    if constant or passive:
        floor = like.new_full((len(like), tiles, like.shape[2]), constant / factor**2)
    if passive and floor is not None:
        floor += fresh.thermal / unit * _by_tile(power_SRC, tiles)
    if passive and not devices and not fresh.shot:  # all of it in the floor
        return torch.zeros_like(power_SRC), ReadNoise(factor=factor, floor_SKC=floor)
    return power_SRC, ReadNoise(
        factor=factor, square=1.0 if devices else 0.0, linear=fresh.shot / unit,
        driven=0.0 if passive else fresh.thermal / unit, floor_SKC=floor,
    )  # fmt: skip


def _by_tile(power_SRC: Tensor, tiles: int) -> Tensor:
    """Return sums over the rows of each tile, (S, K, C)."""
    parts = power_SRC.split(ceil(power_SRC.shape[1] / tiles), 1)
    return torch.stack([part.sum(1, dtype=torch.float64).to(power_SRC.dtype) for part in parts], 1)


def bend(cell: WeightCell, card: CardFields) -> float:
    """Return the range of a cell's chord at the read voltage over that of its conductance, b [1]."""
    ends = torch.tensor([cell.g_min, cell.g_max], dtype=torch.float64)
    low, high = cell.chord(ends, card.weights.read_voltage)
    return float(high - low) / (cell.g_max - cell.g_min)
