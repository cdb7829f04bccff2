"""Devices of learning arrays on every chip: pulses change their states, wear them and restart their drift.

Shapes: chips S, devices of a weight D (one, or two for a pair), rows R, columns C.  A device without a pulse
keeps its state, its write noise and its age.  A device that is pulsed starts from the state to which it has
drifted, and its drift starts anew.  The law of the cell stops it at its bounds.  A pair whose devices only
increase is refreshed before it saturates: it is read, reset and written anew.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from memsim.devices import Stream
from memsim.learning.ageing import Ageing
from memsim.learning.learning_events import LearningEvents
from memsim.learning.pulse_plan import PulsePlan

ROUNDS = 4
"""Rounds of program-and-verify: one write after the reset, then reads with a correction each."""


class PulsedDevices(nn.Module):
    """Devices of one array on all chips, with their state in buffers.

    rng: random streams of the chips, keys (S,); refresh: part of a device's range above which a pair of
    one-directional devices is refreshed.  Times are in seconds since the array was programmed.
    """

    held: Tensor  #: unitless states w that pulses change (S, D, R, C)
    seen: Tensor  #: the same states with the noise of their last write, which reads see
    born: Tensor  #: time of the last pulse or reset of each device [s], float64
    pulses: Tensor  #: number of pulses each device has received, float64
    resets: Tensor  #: number of resets of each device, float64
    writes: Tensor  #: number of writes so far; part of the key of their random numbers

    def __init__(
        self, plan: PulsePlan, shape: tuple[int, int], rng: Stream, events: LearningEvents, refresh: float
    ) -> None:
        super().__init__()
        self.plan, self.shape, self.events, self.refresh_at = plan, shape, events, refresh
        self.root = rng
        self.rng = rng.child("device", range(len(plan.sides)))
        self.fabric = plan.cell.fabricate(shape, rng=self.rng)
        self.ageing = Ageing.of(plan.cell.technology, shape, self.rng)
        self.noisy = any(plan.cell.on(e) for e in ("write-noise",) if e in plan.cell.effects)
        full = (*self.rng.keys.shape, *shape)
        for name in ("held", "seen"):
            self.register_buffer(name, torch.zeros(full))
        for name in ("born", "pulses", "resets"):
            self.register_buffer(name, torch.zeros(full, dtype=torch.float64))
        self.register_buffer("writes", torch.zeros((), dtype=torch.int64))

    def program(self, share: Tensor, now: float) -> None:
        """Reset every device and program shares (R, C) or (S, R, C) with verify, at time `now` [s]."""
        goal = share.expand(len(self.root.keys), *self.shape)
        self._renew(goal, torch.ones_like(goal, dtype=torch.bool), now)

    def share(self, now: float) -> Tensor:
        """Return the shares (S, R, C) that reads see at time `now` [s]."""
        return self.plan.share(self._at(self.seen, now))

    def siemens(self, now: float) -> Tensor:
        """Return the conductance of every device (S, D, R, C) [S] at time `now` [s]."""
        rest, unit, _ = self.plan.siemens
        return (rest + unit * self._at(self.seen, now)).clamp(min=0)

    def move(self, counts: Tensor, now: float) -> None:
        """Apply signed numbers of pulses (S, R, C) at time `now` [s], then refresh pairs that are almost
        full.
        """
        self._pulse(self.plan.by_side(counts), now)
        if self.plan.cell.one_sided:
            full = (self.held > self.refresh_at * self.plan.cell.describe().high).any(1)
            if bool(full.any()):
                goal = self.share(now)
                self.events.read(self.siemens(now).sum(1), full)
                self._renew(goal, full, now)

    def _renew(self, goal: Tensor, marked: Tensor, now: float) -> None:
        """Reset the marked weights (S, R, C) and write the shares `goal` (S, R, C) into them."""
        devices = marked[:, None].expand_as(self.held)
        none = torch.zeros_like(self.held)
        self._take(none, devices, now, start=None)
        self.resets += devices
        self.events.reset(devices.double())
        for done in range(ROUNDS):
            off = goal - self.share(now) if done else goal
            if done:
                self.events.read(self.siemens(now).sum(1), marked)
            counts = self.plan.counts(off, "nearest") * marked
            self._pulse(self.plan.by_side(counts), now)

    def _pulse(self, by_side: Tensor, now: float) -> None:
        """Apply pulses (S, D, R, C), starting from the states to which the devices have drifted."""
        touched = by_side != 0
        if not bool(touched.any()):
            return
        self._take(by_side, touched, now, start=self._at(self.held, now))
        self.pulses += by_side.abs()
        self.events.pulsed(by_side)

    def _take(self, by_side: Tensor, touched: Tensor, now: float, start: Tensor | None) -> None:
        """Apply the law of the cell to all devices and keep the result for those that are touched."""
        steps = by_side.float()[:, :, None, None].contiguous()
        begin = None if start is None else start[:, :, None, None].contiguous()
        how = {"rng": self.rng.child("update"), "image": [int(self.writes)], "step": [0], "start": begin}
        held = self.plan.cell.rewrite(self.fabric, steps, visible=False, **how)[:, :, 0, 0]
        seen = self.plan.cell.rewrite(self.fabric, steps, **how)[:, :, 0, 0] if self.noisy else held
        self.writes += 1
        self.held = torch.where(touched, held, self.held)
        self.seen = torch.where(touched, seen, self.seen)
        self.born = torch.where(touched, torch.full_like(self.born, now), self.born)

    def _at(self, states: Tensor, now: float) -> Tensor:
        """Return the states after their drift until time `now` [s]."""
        if self.ageing is None:
            return states
        rest, unit, _ = self.plan.siemens
        siemens = (rest + unit * states).clamp(min=0)
        age = (now - self.born).clamp(min=0)
        return (siemens * self.ageing.factor(siemens, age) - rest) / unit

    def chance(self, update: int) -> Tensor:
        """Return uniform random numbers (S, R, C) for the stochastic rounding of update number `update`."""
        return self.root.child("rounding").uniform(self.shape, image=[update])[:, 0]

    def _apply(self, fn: Any, recurse: bool = True) -> PulsedDevices:
        super()._apply(fn, recurse)
        self.fabric = self.fabric.to(self.held.device)
        return self
