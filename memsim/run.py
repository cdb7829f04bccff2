"""Names for everything that a chip's arrays read and write: chips, images, time steps, calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from memsim.card.chip_card import ChipCard
from memsim.energy.ledger import Ledger

MAX_NAME = 2**32 - 1  #: image names and step numbers are words of a random counter


@dataclass(frozen=True, eq=False)
class Address:
    """What one call of an array reads or writes, by name: its random numbers are keyed by these names.

    images (B,) int64; steps: time steps of this call; call: number of the call in its pass.
    """

    images: np.ndarray
    steps: range
    call: int = 0


@dataclass(frozen=True, eq=False)
class Pass:
    """One run of a network: the names of its images, and how often each array was called in it."""

    images: np.ndarray
    calibrating: bool = False  #: training images set the converters' ranges; nothing is rounded or counted
    calls: Counter[str] = field(default_factory=Counter)

    def address(self, array: str, steps: int) -> Address:
        """The address of the next call of an array."""
        call = self.calls[array]
        self.calls[array] += 1
        return Address(self.images, range(steps), call)


@dataclass
class Run:
    """What all arrays of a stack of chips share.

    ``chips`` and image names are numbers: random streams are keyed by them, so any subset or order gives the
    same bits.  Chips are hidden inside the batch axis, chip-major: a tensor's batch is chips x images.
    """

    card: ChipCard
    chips: tuple[int, ...]
    seed: int
    ledger: Ledger
    now: Pass = field(default_factory=lambda: Pass(np.zeros(0, np.int64)))
    """The pass that is running, or the last one."""

    @property
    def dtype(self) -> torch.dtype:
        """float64 where everything is ideal, else float32."""
        return torch.float64 if self.card.ideal else torch.float32

    @property
    def images(self) -> np.ndarray:
        """Names of the images of this pass."""
        return self.now.images

    @property
    def calibrating(self) -> bool:
        """Whether this pass sets the converters' ranges."""
        return self.now.calibrating

    def begin(self, count: int, image: Sequence[int] | None = None, *, calibrating: bool = False) -> Pass:
        """Begin a pass of `count` images; they are named from 0 where no names are given.

        Raises ValueError for names that are not one whole number for each image, from 0 to 2^32 - 1.
        """
        self.now = Pass(names_of(count, image), calibrating)
        return self.now


def names_of(count: int, image: Sequence[int] | None) -> np.ndarray:
    """Names of `count` images as int64, from 0 where none are given."""
    ids = np.arange(count, dtype=np.int64) if image is None else np.asarray(image, dtype=np.int64)
    if ids.shape != (count,):
        raise ValueError(
            f"image: {ids.shape} names for {count} images; one whole number for each image is needed"
        )
    if len(ids) and (ids.min() < 0 or ids.max() > MAX_NAME):
        raise ValueError(f"image: names run from 0 to 2^32 - 1, got {ids.min()}..{ids.max()}")
    return ids
