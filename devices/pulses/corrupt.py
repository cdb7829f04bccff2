"""Corrupt devices as aihwkit has them: both bounds at one level near zero, no step in either direction.

    level = low + (high - low) u,   low = max(min_bound, -range),   high = min(max_bound, range),   u uniform

The device's own law does the rest: reset and pulses end at the level, its reference device is subtracted
(without a symmetry point, as it has no steps), write noise is added to what a read sees.  Source: aihwkit
1.1.0, `corrupt_devices_prob` and `corrupt_devices_range` in rpu_pulsed_device.cpp, by its compiled tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from memsim.devices.cell import Fabric
from memsim.devices.fault_shares import CORRUPT
from memsim.devices.numerics.stream import Indices, Stream
from memsim.devices.pulses.affine import AffineCell
from memsim.devices.pulses.around import Around
from memsim.devices.pulses.line_pulses import Pulses

RANGES = {"reram-om": 0.01, "reram-hfo2": 0.01}
"""aihwkit's `corrupt_devices_range` of the presets with a share [w]."""


@final
@dataclass(frozen=True, kw_only=True)
class Corrupt(Around):
    """A soft-bounds cell of which a share of devices is corrupt, drawn once from the streams "corrupt".

    Raises ValueError for another law, and for numbers outside what aihwkit takes.
    """

    share: float  #: probability that a device is corrupt [1]
    reach: float  #: largest size of a corrupt level [w]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.device, AffineCell) and self.device.soft_bounds):
            raise ValueError(
                f"{self.name}: corrupt devices are those of soft bounds, as aihwkit's presets have"
            )
        if not (0 <= self.share <= 1 and self.reach >= 0):
            raise ValueError(f"share = {self.share}, reach = {self.reach}: 0 .. 1, and not negative")

    def fabricate(self, shape: Sequence[int], *, rng: Stream) -> Fabric:
        fabric = self.device.fabricate(shape, rng=rng)
        corrupt = rng.child("corrupt").uniform(shape) < self.share
        place = rng.child("corrupt level").uniform(shape)
        assert isinstance(self.device, AffineCell)
        values = {
            name: torch.where(corrupt, bad, fabric[name])
            for name, bad in _corrupted(self.device, fabric, self.reach, place).items()
        }
        return self.device.assemble(fabric.values | values, fabric.places)

    def rewrite(
        self, fabric: Fabric, pulses: Pulses, *, rng: Stream, image: Indices | None, step: Indices | None,
        start: Tensor | None = None, visible: bool = True,
    ) -> Tensor:  # fmt: skip
        return self.device.rewrite(
            fabric, pulses, rng=rng, image=image, step=step, start=start, visible=visible
        )


def _corrupted(cell: AffineCell, fabric: Fabric, reach: float, place: Tensor) -> dict[str, Tensor]:
    """Return values of the same devices, were all of them corrupt."""
    high, low = fabric["max_bound"], fabric["min_bound"]
    top, bottom = high.clamp(max=reach), low.clamp(min=-reach)
    level, none = bottom + (top - bottom) * place, torch.zeros_like(high)
    steps = ("dwmin_up", "dwmin_down", "slope_up", "slope_down")
    values = {"max_bound": level, "min_bound": level, **dict.fromkeys(steps, none)}
    if cell.subtract_symmetry_point:
        up, down = fabric["dwmin_up"], fabric["dwmin_down"]
        point = (up - down) / (up / high - down / low)
        values |= {name: fabric[name] - point for name in ("reference", "reset_bias")}
    return values


def with_corrupt(cell: AffineCell) -> Corrupt:
    """Give a preset the share of corrupt devices that its source found; KeyError where it found none."""
    return Corrupt.of(cell, share=CORRUPT[cell.name].share, reach=RANGES[cell.name])


def corrupt(fabric: Fabric) -> Tensor:
    """Return which devices of a fabric have nowhere to go, (*K, *cells)."""
    if not {"max_bound", "min_bound"} <= fabric.values.keys():
        return torch.zeros(*fabric.places, *fabric.cells, dtype=torch.bool)
    return fabric["max_bound"] == fabric["min_bound"]
