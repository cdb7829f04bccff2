"""What every array of a chip shares while it runs: which chips, which images, what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from memsim.card.chip_card import ChipCard
from memsim.energy.ledger import Ledger


@dataclass
class Run:
    """The state of a run, one for a whole chip stack.

    ``chips`` and ``images`` are names (numbers), not positions: noise hangs on them, so any subset or order
    gives the same bits.  Chips hide inside the batch axis, chip-major: a tensor's batch is chips x images.
    """

    card: ChipCard
    chips: tuple[int, ...]
    seed: int
    ledger: Ledger
    images: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    calibrating: bool = False
    """True while training images set the converters' ranges: nothing is rounded or counted."""

    @property
    def dtype(self) -> torch.dtype:
        """float64 where everything is ideal, else float32."""
        return torch.float64 if self.card.ideal else torch.float32

    def name_images(self, count: int, image: Sequence[int] | None) -> None:
        """Name the images of the next pass; numbered from 0 where no names are given."""
        ids = np.arange(count, dtype=np.int64) if image is None else np.asarray(image, dtype=np.int64)
        if ids.shape != (count,):
            raise ValueError(
                f"image: {ids.shape} names for {count} images; one whole number for each image is needed"
            )
        if len(ids) and (ids.min() < 0 or ids.max() >= 2**32):
            raise ValueError(f"image: names run from 0 to 2^32 - 1, got {ids.min()}..{ids.max()}")
        self.images = ids
