"""What a weight array's devices are to carry, and the harm that the faults of a line do to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from memsim.arrays.faults.spares import take_lines, turned
from memsim.arrays.faults.tiles import Tiling


@dataclass(frozen=True)
class Asked:
    """What the devices at each cross-point of a matrix are to carry, planes side by side: P n or P 2 n."""

    siemens_GDRC: Tensor
    factors: tuple[float, ...]  #: digital factor of each plane
    paired: bool
    unit_G1C: Tensor  #: conductance of one device for a weight of one [S]

    @property
    def sides(self) -> int:
        """Bit lines of a column in a plane."""
        return 2 if self.paired else 1

    @property
    def coefficient_D(self) -> Tensor:
        """What a siemens of each device adds to the weight, but for the common unit."""
        devices = self.siemens_GDRC.shape[1] // len(self.factors)
        sign = 1.0 - 2.0 * (torch.arange(devices) % self.sides)
        return (torch.tensor(self.factors)[:, None] * sign).flatten()


def each_device(goal_GRC: Tensor, paired: bool, parallel: int, g_min: float) -> Tensor:
    """Return what each device of a plane is to carry, (G, D, R, C) [S]; of pairs G+, G-, G+, ..."""
    both = (goal_GRC.clamp(min=0), (-goal_GRC).clamp(min=0)) if paired else (goal_GRC,)
    return torch.stack(both, 1).repeat(1, parallel, 1, 1) + g_min


@dataclass(frozen=True)
class LineHarm:
    """Squared errors of a line's weights, against what its devices are to carry.

    asked (A, D, T, L, U, W) [S]; weight (A, 1, T, L, U, W) [1/S]; coefficient (D,).
    """

    asked: Tensor
    weight: Tensor
    coefficient: Tensor

    @classmethod
    def of(cls, asked: Asked, tiling: Tiling, chips: int) -> LineHarm:
        """That of rows as lines."""
        goal, unit = asked.siemens_GDRC, asked.unit_G1C.unsqueeze(1)
        weight = (1.0 / unit).expand(len(goal), 1, *goal.shape[2:])
        coefficient = asked.coefficient_D.to(goal)
        return cls(_each(tiling.cut(goal), chips), _each(tiling.cut(weight), chips), coefficient)

    @property
    def turned(self) -> LineHarm:
        """That of columns as lines, or of rows again."""
        return replace(self, asked=turned(self.asked), weight=turned(self.weight))

    def __call__(self, levels: Tensor, at: Tensor) -> Tensor:
        error = torch.where(levels.isnan(), 0.0, levels - take_lines(self.asked, at))
        error = (error * self.coefficient.view(1, -1, 1, 1, 1, 1)).sum(1, keepdim=True)
        return (error * take_lines(self.weight, at)).square().sum((1, 5))


def _each(x: Tensor, chips: int) -> Tensor:
    """(G, ...) for every chip: (S G, ...)."""
    return x.expand(chips, *x.shape).flatten(0, 1)
