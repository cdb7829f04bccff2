"""Read-verify: a written cell is read once and moved on by the pulses that the mean device would need."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from memsim import devices
from memsim.arrays.writing.pulse_table import inverse

DEVICES = 1 << 13
GRID = 1024
"""Devices the mean curves are taken over, and states they are tabulated at."""


class ReadVerify:
    """Pulses that take a state to a goal along the cell's mean curve in that direction, up(n) from the lowest
    state and down(n) from the highest:

        n = up^-1(goal) - up^-1(w)   where w < goal,   -(down^-1(goal) - down^-1(w))   where w > goal

    rounded, n_max at most.  Of a pair the device that has to rise is pulsed.
    """

    def __init__(self, cell: devices.PulsedCell, n_max: int) -> None:
        self.one_sided, self.n_max = cell.one_sided, n_max
        self.low, self.step, self.up, self.down = _curves(cell, n_max)

    def extra(self, seen: list[Tensor], goal: Tensor) -> list[Tensor]:
        """Return signed pulses for each side, of the states seen (one tensor, or both of a pair) and the
        goal.
        """
        if not self.one_sided:
            return [self._pulses(seen[0], goal)]
        miss = goal - (seen[0] - seen[1])
        return [
            self._pulses(w, w + (side * miss).clamp(min=0)) for side, w in zip((1, -1), seen, strict=True)
        ]

    def _pulses(self, w: Tensor, goal: Tensor) -> Tensor:
        here, there = (((x - self.low) / self.step).round_().clamp_(0, GRID - 1).long() for x in (w, goal))
        up, down = self.up.to(w.device), self.down.to(w.device)
        n = torch.where(goal > w, up[there] - up[here], down[here] - down[there])
        return n.round_().clamp_(0 if self.one_sided else -self.n_max, self.n_max)


@lru_cache(maxsize=16)
def _curves(cell: devices.PulsedCell, n_max: int) -> tuple[float, float, Tensor, Tensor]:
    """Return the lowest state and spacing of a grid of states, and at each the pulses up from the lowest and
    down from the highest in the mean.
    """
    fabric = cell.fabricate((DEVICES,), rng=devices.stream(0, "verify", "spread"))
    rng, far = devices.stream(0, "verify", "noise"), 2 * n_max  # pulses from the reset to either end
    means = []
    for sign, begin in ((1, 0 if cell.one_sided else -far), (-1, far)):
        if sign < 0 and cell.one_sided:
            break
        one = torch.full((1, 1, DEVICES), float(begin))
        start = cell.rewrite(fabric, one, rng=rng, image=None, step=None, visible=False)
        count = torch.arange(2 * far + 1).view(1, -1, 1).expand(1, -1, DEVICES) * float(sign)
        held = cell.rewrite(fabric, count, rng=rng, image=None, step=range(2 * far + 1), start=start)
        means.append(held.double().mean((0, 2)).mul(sign).cummax(0).values.mul(sign))
    low, high = float(means[0][0]), float(means[0][-1])
    grid = torch.linspace(low, high, GRID, dtype=torch.float64)
    up = inverse(means[0], grid).float()
    down = up if cell.one_sided else inverse(-means[1], -grid).float()
    return low, (high - low) / (GRID - 1), up, down
