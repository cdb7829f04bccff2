"""Writes of attention arrays: pulses on devices, corrected after a read of each cell where a card says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from memsim.arrays.reading.converters import quantise
from memsim.arrays.writing.array_design import ArrayDesign
from memsim.arrays.writing.read_verify import ReadVerify
from memsim.arrays.writing.written_devices import WrittenDevices
from memsim.devices import Stream
from memsim.devices.pulses.line_pulses import Pulses
from memsim.run import Address
from memsim.wires.crosspoints import seen_states

Rewrite = Callable[..., Tensor]
"""``PulsedCell.rewrite``, or what stands in for it: (fabric, pulses, rng=, image=, step=) -> states."""

Corrected = Callable[[list[Tensor], list[Tensor]], None]
"""Takes the pulses of a correction and the states they met, both by side."""


CALL = 1 << 16
"""Steps that one call of an array has in the random numbers: the next call in the pass goes on from there."""


def noise_steps(at: Address) -> range:
    """Return the steps of a call, numbered apart from those of other calls in its pass.

    Raises ValueError beyond 65,536 steps or calls.
    """
    if at.steps.stop > CALL or at.call >= CALL:
        raise ValueError(f"step {at.steps.stop} of call {at.call}: a pass has at most {CALL} calls and steps")
    return range(at.call * CALL + at.steps.start, at.call * CALL + at.steps.stop)


class Writer:
    """How the devices of one layer are pulsed.  Path names noise apart: a write of ``("row-gain",)`` meets no
    number of an image's write.
    """

    def __init__(self, design: ArrayDesign, rewrite: Rewrite | None = None) -> None:
        steady: Any = design.cell
        if "read-noise" in steady.effects:  # reads bring their own
            steady = steady.without("read-noise")
        self.design, self.rewrite = design, rewrite or steady.rewrite
        self.rounds = design.card.attention.verify_rounds
        if self.rounds:
            self.verify = ReadVerify(design.card.design.unworn_cell, design.table.n_max)

    def write(
        self,
        devices: WrittenDevices,
        pulses: Pulses,
        goal: Tensor | None,
        at: Address,
        path: tuple[str | int, ...] = (),
        corrected: Corrected | None = None,
    ) -> list[Tensor]:
        """Return the visible states of each side, (S, H, B, T, N, N), after a reset and these pulses.

        goal: target states, where a card verifies writes; corrected: called for each correction.
        """
        first = self.by_side(pulses)
        seen = [self._rewrite(devices, side, n, at, path) for side, n in enumerate(first)]
        if goal is None or not self.rounds:
            return seen
        states = [self._rewrite(devices, side, n, at, path, visible=False) for side, n in enumerate(first)]
        for turn in range(self.rounds):
            noise = devices.streams((*path, "verify", turn, "read"))
            alone = zip(self._alone(seen), noise, strict=True)
            read = [self._converted(self._noisy(w, rng, at)) for w, rng in alone]
            extra = self.verify.extra(read, goal)
            if corrected is not None:
                corrected(extra, seen)
            for side, n in enumerate(extra):
                how = {"path": (*path, "verify", turn), "start": states[side]}
                seen[side] = torch.where(n == 0, seen[side], self._rewrite(devices, side, n, at, **how))
                states[side] = self._rewrite(devices, side, n, at, visible=False, **how)
        return seen

    def by_side(self, pulses: Pulses) -> list[Pulses]:
        """Return pulses of each side: LTP and LTD of a pair, or both on one device."""
        if len(self.design.sides) == 1:
            return [pulses]
        return [pulses.clamp(min=0), (-pulses).clamp(min=0)]

    def _rewrite(
        self,
        devices: WrittenDevices,
        side: int,
        pulses: Pulses,
        at: Address,
        path: tuple[str | int, ...],
        **how: Any,
    ) -> Tensor:
        rng, fabric = devices.streams(path)[side], devices.fabric(side)
        return self.rewrite(fabric, pulses, rng=rng, image=at.images, step=noise_steps(at), **how)

    def _alone(self, held: list[Tensor]) -> list[Tensor]:
        """Return what reads of one driven line at a time find of the states."""
        crossing = self.design.lines
        if crossing is None:
            return held
        if crossing.activity < 1.0:  # all other lines are switched off
            crossing = crossing._replace(activity=0.0)
        minus = held[1] if len(held) == 2 else held[0][:0]
        return list(seen_states(held[0], minus, crossing)[: len(held)])

    def _noisy(self, w: Tensor, rng: Stream, at: Address) -> Tensor:
        """Return states (S, H, B, T, N, N) as reads of single cells find them, before the ADC."""
        if self.design.noise is None:
            return w
        xi = rng.normal(w.shape[-2:], image=at.images, step=noise_steps(at), device=w.device)
        return w + self.design.noise.of_one_cell(w).clamp(min=0.0).sqrt() * xi

    def _converted(self, w: Tensor) -> Tensor:
        """Return a state as the ADC gives it when a cell is read alone, its range twice what a full write
        spans.
        """
        design, table = self.design, self.design.table
        rest = 0.0 if design.cell.one_sided else table.w_rest
        full = 2 * float((table.response - table.w_rest).abs().max())
        return rest + quantise(w - rest, full, design.adc_bits) if design.adc_bits else w
