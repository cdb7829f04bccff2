"""Devices of learning arrays on every chip: moved by pulses from what they hold, worn, and ageing.

Shapes: chips S, devices of a number D (one, or both of a pair), rows R, columns C.  A device that gets no
pulse keeps its state, its write noise and its clock; one that gets some begins at the state it has drifted
to, and its drift starts anew.  Where a pulse would lead over a device's bound it stops there, by the cell's
own law.  A pair of devices that go up only is refreshed before it is full: read, reset and written anew.
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
"""Times that a write is read and corrected by pulses."""


class PulsedDevices(nn.Module):
    """The devices of one array, its state in buffers.

    rng: streams of the chips, keys (S,); refresh: share of a device's range from which a pair is refreshed.
    """

    held: Tensor  #: states that pulses move (S, D, R, C) [w]
    seen: Tensor  #: the same with the noise of their last write
    born: Tensor  #: time of a device's last pulse or reset [s], float64
    pulses: Tensor  #: pulses that a device has had, float64
    resets: Tensor  #: resets likewise
    writes: Tensor  #: kernels that have run, a word of their random counters

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
        """Reset every device and bring shares (R, C) or (S, R, C) into them, with verifying reads."""
        goal = share.expand(len(self.root.keys), *self.shape)
        self._renew(goal, torch.ones_like(goal, dtype=torch.bool), now)

    def share(self, now: float) -> Tensor:
        """What reads see at a time, in shares (S, R, C)."""
        return self.plan.share(self._at(self.seen, now))

    def siemens(self, now: float) -> Tensor:
        """Conductance of every device at a time (S, D, R, C) [S]."""
        rest, unit, _ = self.plan.siemens
        return (rest + unit * self._at(self.seen, now)).clamp(min=0)

    def move(self, counts: Tensor, now: float) -> None:
        """Apply signed pulses (S, R, C) at a time, and refresh pairs that are full."""
        self._pulse(self.plan.by_side(counts), now)
        if self.plan.cell.one_sided:
            full = (self.held > self.refresh_at * self.plan.cell.describe().high).any(1)
            if bool(full.any()):
                goal = self.share(now)
                self.events.read(self.siemens(now).sum(1), full)
                self._renew(goal, full, now)

    def _renew(self, goal: Tensor, marked: Tensor, now: float) -> None:
        """Reset what is marked (S, R, C) and bring shares into it."""
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
        """Pulse devices (S, D, R, C) from what they are now."""
        touched = by_side != 0
        if not bool(touched.any()):
            return
        self._take(by_side, touched, now, start=self._at(self.held, now))
        self.pulses += by_side.abs()
        self.events.pulsed(by_side)

    def _take(self, by_side: Tensor, touched: Tensor, now: float, start: Tensor | None) -> None:
        """Run the cell's law over the whole stack and keep what it gives of the touched devices."""
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
        """States as they have drifted until a time."""
        if self.ageing is None:
            return states
        rest, unit, _ = self.plan.siemens
        siemens = (rest + unit * states).clamp(min=0)
        age = (now - self.born).clamp(min=0)
        return (siemens * self.ageing.factor(siemens, age) - rest) / unit

    def chance(self, update: int) -> Tensor:
        """Uniform numbers (S, R, C) that round the counts of an update."""
        return self.root.child("rounding").uniform(self.shape, image=[update])[:, 0]

    def _apply(self, fn: Any, recurse: bool = True) -> PulsedDevices:
        super()._apply(fn, recurse)
        self.fabric = self.fabric.to(self.held.device)
        return self
