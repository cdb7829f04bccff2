"""How a device is brought back to where a write begins: by one reset, by verified ones, or by pulses."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import torch
from torch import Tensor

from memsim.devices.cell import Fabric, PulsedCell, PulsedState
from memsim.devices.numerics.stream import Indices, Stream
from memsim.devices.pulses.around import Around
from memsim.devices.pulses.line_pulses import Pulses


def verified_reset(cell: PulsedCell, tolerance: float, read: float = 0.0) -> tuple[PulsedCell, float]:
    """Return a cell whose reset is read and repeated until it is near its level, and how many resets that
    takes:

        accepted where |xi + nu eta| <= a:   P = erf(b / sqrt 2),   b = a / sqrt(1 + nu^2),   tries = 1 / P
        sd^2 = (1 - 2 b phi(b) / P + nu^2) / (1 + nu^2)

    a = tolerance, in standard deviations of the cell's own reset noise; nu: spread `read` [as w] of the
    verifying read in the same unit (0 where the cell does not know its `reset_spread`). The accepted law is
    simulated as a normal of the same spread. Raises ValueError for a tolerance that is not positive.
    """
    if not tolerance > 0:
        raise ValueError(f"tolerance = {tolerance}: a positive number of standard deviations")
    noise = (read / cell.reset_spread) ** 2 if cell.reset_spread else 0.0
    bound = tolerance / math.sqrt(1 + noise)
    accepted = math.erf(bound / math.sqrt(2))
    density = math.exp(-bound * bound / 2) / math.sqrt(2 * math.pi)
    spread = math.sqrt(max(1 - 2 * bound * density / accepted + noise, 0.0) / (1 + noise))
    if not cell.on("reset-noise"):
        return cell, 1 / accepted
    return cell.scaled({"reset-noise": spread * cell.strength("reset-noise")}), 1 / accepted  # type: ignore[return-value]


@lru_cache(maxsize=256)
def slowest(tries: float, devices: int) -> float:
    """Return the mean number of rounds until the last of some devices is accepted, each with 1 / tries in a
    round:

        E max = sum_(k >= 0) 1 - (1 - q^k)^devices,   q = 1 - 1 / tries

    tries: mean of one device, 1 or more; 0 devices take none. Raises ValueError for fewer tries than one.
    """
    if not tries >= 1.0:
        raise ValueError(f"tries = {tries}: a device takes one or more")
    if tries == 1.0 or devices == 0:
        return float(min(devices, 1))
    q, total, k = 1.0 - 1.0 / tries, 1.0, 1
    while True:
        waiting = -math.expm1(devices * math.log1p(-(q**k)))
        total, k = total + waiting, k + 1
        if waiting < 1e-12 * total:
            return total


@final
@dataclass(frozen=True, kw_only=True)
class PulsedReset(Around):
    """No reset: pulses up and down in turn draw a device to its symmetry point, where they cancel.

    The device still holds what was written before, taken as -n_max .. n_max pulses with equal odds; each
    pulse keeps (1 - a) of that under soft bounds and adds its cycle noise, so few pulses remember and many
    leave a spread of about s c / sqrt(1 - (1 - a)^2) (reram-om: 0.09, nine times its reset_std). Raises
    ValueError for a cell that moves one way only.
    """

    reset_pulses: int  #: up, down, up, down, ...

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.one_sided:
            raise ValueError(f"{self.name} moves up only: pulses cannot reset it")

    def rewrite(
        self, fabric: Fabric, pulses: Pulses, *, rng: Stream, image: Indices | None, step: Indices | None,
        start: Tensor | None = None, visible: bool = True,
    ) -> Tensor:  # fmt: skip
        at: dict[str, Any] = {"image": image, "step": step}
        if start is None:
            before = rng.child("before").uniform(
                fabric.cells, image=_or_zero(image), step=_or_zero(step), device=fabric.device
            )
            before = ((2 * self.n_max + 1) * before).floor() - self.n_max
            start = self.device.rewrite(fabric, before, rng=rng.child("before", "noise"), **at, visible=False)
            one = torch.ones_like(start)
            for n in range(self.reset_pulses):
                turn = one if n % 2 == 0 else -one
                start = self.device.rewrite(
                    fabric, turn, rng=rng.child("reset", n), **at, start=start, visible=False
                )
        return self.device.rewrite(fabric, pulses, rng=rng, **at, start=start, visible=visible)

    def reset(self, fabric: Fabric, *, rng: Stream) -> PulsedState:
        rest = torch.zeros((*fabric.places, 1, 1, *fabric.cells), device=fabric.device)
        shape = (*fabric.places, *fabric.cells)
        at: dict[str, Any] = {"rng": rng, "image": None, "step": None}
        w = self.rewrite(fabric, rest, **at, visible=False)
        visible = self.rewrite(fabric, rest, **at, start=w)
        return PulsedState(fabric=fabric, w=w.reshape(shape), visible=visible.reshape(shape))


def _or_zero(indices: Indices | None) -> Indices:
    return [0] if indices is None else indices
