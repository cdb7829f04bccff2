"""Wear: devices fail after so many cycles, each at its own, and a failed one is stuck.

A cycle is a RESET; a partial pulse wears as (|dw| / range)^m of one, m a field of the card.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from memsim.devices.cell import Fabric, PulsedCell, PulsedState
from memsim.devices.numerics.stream import Indices, Stream
from memsim.devices.pulses.around import Around
from memsim.devices.pulses.line_pulses import Pulses


@final
@dataclass(frozen=True, kw_only=True)
class Worn(Around):
    """Devices written `cycles` times; those whose life is over are stuck at either end of the range:

        P(failed by n) = 1 - exp(-(n / endurance)^shape)        Weibull

    Each device's life is drawn once, from the streams "life" and "stuck" beside its other values, so a
    failed device stays failed. A stuck device reads as the lowest or highest state of a nominal device,
    whatever its pulses; no kernel needs to know. Raises ValueError for numbers that are not positive, or a
    probability outside 0 .. 1.
    """

    cycles: float  #: each device was written so often
    endurance: float  #: cycles by which 63.2 % have failed
    shape: float  #: Weibull modulus: below 1 they fail early, above 1 they wear out together
    stuck_high: float  #: probability that a failed device is stuck at the upper end

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("endurance", "shape"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} = {getattr(self, name)}: a positive number")
        if not (0 <= self.stuck_high <= 1 and 0 <= self.cycles < math.inf):
            raise ValueError(
                f"stuck_high = {self.stuck_high}, cycles = {self.cycles}: 0 .. 1, and not negative"
            )

    def fabricate(self, shape: Sequence[int], *, rng: Stream) -> Fabric:
        fabric = self.device.fabricate(shape, rng=rng)
        chance = rng.child("life").uniform(shape, dtype=torch.float64)
        life = self.endurance * (-chance.log()) ** (1 / self.shape)
        told = self.describe()
        high = rng.child("stuck").uniform(shape) < self.stuck_high
        level = torch.where(high, torch.tensor(told.high), torch.tensor(told.low))
        stuck = torch.where(life <= self.cycles, level, torch.tensor(math.nan))
        values = fabric.values | {"life": life, "stuck": stuck}
        return Fabric(values=values, places=fabric.places, packed=fabric.packed)

    def rewrite(
        self, fabric: Fabric, pulses: Pulses, *, rng: Stream, image: Indices | None, step: Indices | None,
        start: Tensor | None = None, visible: bool = True,
    ) -> Tensor:  # fmt: skip
        held = self.device.rewrite(
            fabric, pulses, rng=rng, image=image, step=step, start=start, visible=visible
        )
        return _held(fabric["stuck"].reshape(*fabric.places, 1, 1, *fabric.cells), held)

    def reset(self, fabric: Fabric, *, rng: Stream) -> PulsedState:
        return _stuck(self.device.reset(fabric, rng=rng))

    def pulse(
        self, state: PulsedState, n_up: Tensor | int, n_down: Tensor | int, *, rng: Stream
    ) -> PulsedState:
        return _stuck(self.device.pulse(state, n_up, n_down, rng=rng))


def pulse_wear(cell: PulsedCell, n_max: int, exponent: float) -> float:
    """Mean (|dw| / range)^exponent of one pulse of a full write [cycles], by the cell's mean response."""
    told = cell.describe()
    steps = cell.response(n_max).double().diff().abs() / (told.high - told.low)
    return float(steps.clamp(max=1.0).pow(exponent).mean())


def _stuck(state: PulsedState) -> PulsedState:
    w, visible = (_held(state.fabric["stuck"], x) for x in (state.w, state.visible))
    return replace(state, w=w, visible=visible)


def _held(stuck: Tensor, w: Tensor) -> Tensor:
    return torch.where(stuck.isnan(), w, stuck)
