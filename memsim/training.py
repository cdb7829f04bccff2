"""Hardware-aware training: every batch runs on chips that were never met, and gradients pass straight
through.

    W_arrays = W + (what the devices hold, in units of W, - W)      the bracket has no gradient

So the forward pass sees programming, drift, noise and converters; the gradient with respect to inputs is that
of the weights the devices hold, the one with respect to W that of W itself (Joshi et al., Nat. Commun. 11,
2473, 2020; Rasch et al., Nat. Commun. 14, 5282, 2023).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from memsim.card.chip_card import ChipCard
from memsim.devices import stream
from memsim.mapping.batches import Batch

FIRST = 2**24
"""Chips of a training are named from here on, apart from those that anything is measured on."""


def check_trainable(card: ChipCard) -> None:
    """Raise ValueError where arrays hold more than the matrices that gradients reach."""
    section = card.weights
    for field, usual in (("batch_norm", "digital"), ("bias_rows", 0)):
        given = getattr(section, field)
        if given != usual:
            raise ValueError(
                f"weights.{field} = {given!r} has no gradients; train with {field} = {usual!r}, and write the"
                " trained network on this card"
            )


@dataclass
class Learning:
    """How the batches of a training run on chips."""

    chips: tuple[int, ...]  #: names the stack has outside the training
    fresh: bool = True  #: new devices for every batch, else the same ones, written anew
    times: float | tuple[float, float] = 0.0  #: time since programming [s]; two: log-uniform between them
    compensation: Any = None  #: of drift (default: the card's)
    calibrate_every: int = 50  #: batches between two settings of the converters' ranges
    seed: int = 0  #: of the times
    batches: int = 0  #: that ran until now

    def __post_init__(self) -> None:
        low, high = self._span
        if not 0 <= low <= high < math.inf or (low < high and low == 0):
            raise ValueError(f"times = {self.times} s: a time >= 0, or two above 0, the second the later")
        if self.calibrate_every < 1:
            raise ValueError(f"calibrate_every = {self.calibrate_every}: at least one batch")

    @property
    def _span(self) -> tuple[float, float]:
        return self.times if isinstance(self.times, tuple) else (self.times, self.times)

    def time(self) -> float:
        """Return the time of this batch [s]."""
        low, high = self._span
        if low == high:
            return float(low)
        share = float(stream(self.seed, "training", "time").uniform((1,), step=[self.batches]))
        return low * (high / low) ** share

    def names(self) -> tuple[int, ...]:
        """Return the names of the chips of this batch."""
        count = len(self.chips)
        first = FIRST + self.batches * count
        return tuple(range(first, first + count)) if self.fresh else self.chips

    def run(self, chip: Any, batch: Batch, image: Sequence[int]) -> Any:
        """Return one batch on chips as they are to be met; learning in the pass."""
        chip.run.chips = self.names()
        with torch.no_grad():
            chip.renew(self.time(), self.compensation, calibrate=self.batches % self.calibrate_every == 0)
        self.batches += 1
        return chip.mapped.uncounted(batch, image, learning=True)
