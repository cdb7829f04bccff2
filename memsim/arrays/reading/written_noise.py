"""Fresh noise of reads of written arrays: of the devices that carry current, and of each conversion.

    sigma_id^2 = scale^2 (sum_j V_jd s(w_ij) + sum_j p(w_ij) + conversion),   s = c0 + c1 w + c2 w^2

of the number on word line i, both sides of a pair added up; new for each of the D reads that follow a write.
Where one side has c2 = 0 the sum over j is a multiple of current and spikes, and costs no second product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memsim.card.circuit_noise import FreshNoise
from memsim.card.fields import CardFields
from memsim.devices import PulsedCell, Stream
from memsim.devices.numerics.plain_philox import Rows, nearly_normals
from memsim.run import Address


@dataclass(frozen=True)
class WrittenLaw:
    """Variances of a read in units of the state w, squared."""

    device: tuple[float, float, float]
    """c0, c1, c2 of a device on a driven bit line."""
    idle: tuple[float, float]
    """p = p0 + p1 w of every device of a line, driven or not: thermal noise in passive arrays."""
    conversion: float
    """Of every conversion, whatever is driven."""

    @classmethod
    def of(
        cls, card: CardFields, cell: PulsedCell, siemens: tuple[float, float, float], parallel: int
    ) -> WrittenLaw | None:
        """Return the law of arrays of cells G = rest + w unit beside a reference, siemens = (rest, unit,
        reference), `parallel` devices at a crossing; None: reads are noiseless.

        Thermal noise 2 k T G / t and shot noise q V G / t [A^2] as in :mod:`memsim.arrays.reading.noise`; the
        cell's own noise of a read, r0 + r1 w, for each device.
        """
        section, fresh, (r0, r1) = card.attention, FreshNoise.of(card, card.attention), cell.read_law
        rest, unit, reference = siemens
        passive = section.scheme == "passive" or (section.scheme == "1T1R" and section.wires == "grounded")
        driven = fresh.shot + (0.0 if passive else fresh.thermal)
        state = section.read_voltage * unit * parallel  # current of one unit of w [A]
        at_rest, slope = (parallel * g / state**2 for g in (rest + reference, unit))
        device = (
            driven * at_rest + r0**2 / parallel, driven * slope + 2 * r0 * r1 / parallel, r1**2 / parallel
        )  # fmt: skip
        idle = (fresh.thermal * at_rest, fresh.thermal * slope) if passive else (0.0, 0.0)
        law = cls(device, idle, fresh.amplifier / state**2)
        return law if any((*law.device, *law.idle, law.conversion)) else None

    def lines(self, held: list[Tensor]) -> tuple[Tensor, Tensor]:
        """s of the states (..., N, N), and what is added to every read of a word line (..., N, 1)."""
        c0, c1, c2 = self.device
        p0, p1 = self.idle
        driven = sum((c0 + (c1 + c2 * w) * w for w in held), start=torch.zeros(()))
        always = sum(((p0 + p1 * w).sum(-1, keepdim=True) for w in held), start=torch.zeros(()))
        return driven, always + self.conversion

    def of_one_cell(self, w: Tensor) -> Tensor:
        """Return variances of reads of single cells, one bit line driven at a time; states (..., N, N)."""
        driven, always = self.lines([w])
        return driven + always


@dataclass(frozen=True)
class WrittenNoise:
    """The noise of one call's reads: law, random numbers (keys (S, H)) and the names of images and steps."""

    law: WrittenLaw
    rng: Stream
    at: Address

    def kernel_law(self, scale: float) -> np.ndarray:
        """c0, c1, c2, p0, p1 and the variance of a conversion, in numbers: float32 (6,)."""
        law = self.law
        return np.array([*law.device, *law.idle, law.conversion], np.float64).astype(np.float32) * np.float32(
            scale**2
        )

    def normals(self, tokens: int, features: int, like: Tensor) -> Tensor:
        """Return a nearly normal number for each read, in the dtype of `like`, (S, H, B, T, N, D)."""
        at, keys = self.at, self.rng.keys
        rows = Rows.of(keys, at.images, np.array(at.steps), tokens * features, device=like.device)
        xi = nearly_normals(rows, at.call).to(like.dtype)
        return xi.view(*keys.shape, len(at.images), len(at.steps), tokens, features)
