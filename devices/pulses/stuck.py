"""Pulsed cells of which some devices are stuck: the fabric holds their levels, no kernel needs to know."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from memsim.devices.cell import Fabric, PulsedState
from memsim.devices.fault_shares import StuckShares
from memsim.devices.numerics.stream import Indices, Stream
from memsim.devices.pulses.around import Around
from memsim.devices.pulses.line_pulses import Pulses
from memsim.devices.stuck import held, stuck_levels

STUCK = "stuck"
"""Name among a fabric's values of the levels that devices are stuck at, NaN where they are free."""


@dataclass(frozen=True, kw_only=True)
class Stuck(Around):
    """Devices some of which read as one level, whatever their pulses; a subclass draws which.

    What is stuck in the device inside stays so: levels of several causes are one map.
    """

    @abstractmethod
    def _levels(self, shape: Sequence[int], rng: Stream) -> dict[str, Tensor]:
        """Draw the levels, by the name STUCK, and what else is to be kept of their cause; (*K, *shape)."""

    def fabricate(self, shape: Sequence[int], *, rng: Stream) -> Fabric:
        fabric, own = self.device.fabricate(shape, rng=rng), self._levels(shape, rng)
        if STUCK in fabric.values:
            own[STUCK] = held(fabric[STUCK], own[STUCK])
        return replace(fabric, values=fabric.values | own)

    def rewrite(
        self, fabric: Fabric, pulses: Pulses, *, rng: Stream, image: Indices | None, step: Indices | None,
        start: Tensor | None = None, visible: bool = True,
    ) -> Tensor:  # fmt: skip
        states = self.device.rewrite(
            fabric, pulses, rng=rng, image=image, step=step, start=start, visible=visible
        )
        return held(fabric[STUCK].reshape(*fabric.places, 1, 1, *fabric.cells), states)

    def reset(self, fabric: Fabric, *, rng: Stream) -> PulsedState:
        return _held(self.device.reset(fabric, rng=rng))

    def pulse(
        self, state: PulsedState, n_up: Tensor | int, n_down: Tensor | int, *, rng: Stream
    ) -> PulsedState:
        return _held(self.device.pulse(state, n_up, n_down, rng=rng))


@final
@dataclass(frozen=True, kw_only=True)
class Faulty(Stuck):
    """Devices that are stuck from the start: on and off at the ends of a nominal device's range, or between.

    Drawn once for each device from the streams "stuck" and "level" of "faults".
    """

    shares: StuckShares

    def _levels(self, shape: Sequence[int], rng: Stream) -> dict[str, Tensor]:
        about = self.describe()
        return {STUCK: stuck_levels(shape, self.shares, about.low, about.high, rng=rng.child("faults"))}


def _held(state: PulsedState) -> PulsedState:
    w, visible = (held(state.fabric[STUCK], x) for x in (state.w, state.visible))
    return replace(state, w=w, visible=visible)


def stuck_map(fabric: Fabric) -> Tensor:
    """Return the levels of a fabric's devices, (*K, *cells): NaN where they are free."""
    return fabric.values.get(STUCK, torch.full((*fabric.places, *fabric.cells), torch.nan))
