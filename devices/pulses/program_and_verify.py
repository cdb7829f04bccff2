"""Program and verify: pulse, look, pulse again, until a read is near enough or patience ends."""

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from memsim.devices.cell import Fabric, PulsedCell, PulsedState
from memsim.devices.numerics.stream import Stream


@final
@dataclass(frozen=True, eq=False)
class Programmed:
    """What programming left, and what it took; tensors of shape (*K, *cells)."""

    state: PulsedState
    pulses: Tensor  #: pulses each cell took, int32
    failed: Tensor  #: cells that no read found within tolerance, bool

    @property
    def mean_pulses(self) -> float:
        """Pulses for a cell, on average; the failed ones took them all."""
        return float(self.pulses.double().mean())

    @property
    def histogram(self) -> Tensor:
        """How many cells took 0, 1, 2, ... pulses."""
        return torch.bincount(self.pulses.flatten())

    @property
    def failures(self) -> float:
        """Fraction of cells that failed [1]."""
        return float(self.failed.double().mean())


def program_and_verify(
    cell: PulsedCell,
    fabric: Fabric,
    target: Tensor | float,
    *,
    tolerance: float,
    max_pulses: int,
    rng: Stream,
) -> Programmed:
    """Program arrays from a reset, one pulse at a time: read, then pulse in the direction of the error.

        stop where abs(read - target) <= tolerance, for good, or after max_pulses pulses

    `target` (broadcast to (*K, *cells)) and `tolerance` in the cell's unit (w, or S). Reads carry the cell's
    noise: a write noise stays until the next pulse, a read noise is new at every look, so that what stopped a
    cell need not be what the next read shows. A cell that moves up only and has gone too far has failed.
    Raises ValueError for a tolerance or a count that is not positive, and for targets that do not fit.
    """
    if not (tolerance > 0.0 and max_pulses > 0):
        raise ValueError(f"tolerance={tolerance:g} and max_pulses={max_pulses}: both must be above 0")
    state = cell.reset(fabric, rng=rng.child("reset"))
    goal, cells = torch.as_tensor(target).to(state.visible), state.visible
    if not _fits(goal, cells) or not goal.isfinite().all():
        raise ValueError(f"targets {tuple(goal.shape)} must be finite and fit cells {tuple(cells.shape)}")
    fresh = cell.on("read-noise")
    pulses, done = torch.zeros_like(cells, dtype=torch.int32), torch.zeros_like(cells, dtype=torch.bool)
    for look in range(max_pulses + 1):
        error = goal - cell.read(state)
        done |= error.abs() <= tolerance
        up, down = ~done & (error > 0), ~done & (error < 0) & (not cell.one_sided)
        touched = up | down
        if look == max_pulses or not bool(touched.any()):
            break
        moved = cell.pulse(state, up.int(), down.int(), rng=rng.child("pulse", look))
        visible = moved.visible if fresh else torch.where(touched, moved.visible, state.visible)
        state = replace(moved, visible=visible)
        pulses += touched
    if fresh:
        nothing = torch.zeros_like(pulses)
        state = cell.pulse(state, nothing, nothing, rng=rng.child("read"))
    return Programmed(state=state, pulses=pulses, failed=~done)


def _fits(goal: Tensor, cells: Tensor) -> bool:
    """Return whether one broadcasts to the other."""
    sides = zip(reversed(goal.shape), reversed(cells.shape), strict=False)
    return goal.ndim <= cells.ndim and all(n in (1, m) for n, m in sides)
