"""Event sets made of real pictures by micro-saccades before contrast-threshold pixels, and named so.

They are no recordings: accuracies on them are not to be compared with those of N-MNIST or CIFAR10-DVS.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from memsim.models.datasets.dataset import PARTS, SPLIT_SEED, Dataset, stratified
from memsim.models.datasets.events.frames import Frames
from memsim.models.datasets.events.pixel import Pixel
from memsim.models.datasets.events.saccade import Saccade

PIXEL = Pixel(seed=20261126)
FRAMES = Frames(steps=6)
DIGITS = Saccade(side=34, scale=3, border="black")
CIFAR10 = Saccade(side=32, scale=1, border="edge")
CIFAR10_PICTURES = {"train": 9_000, "val": 1_000, "test": 2_000}
"""Of cifar10-saccade, in proportion of the classes: frames of all 60,000 would fill 3 GB."""


def saccades(
    pictures: Dataset, name: str, *, saccade: Saccade, pixel: Pixel = PIXEL, frames: Frames = FRAMES
) -> Dataset:
    """Make event frames (B, T, 2, side, side) of every picture of a data set; `record` holds the constants.

    Seeded: the same pictures and constants give the same events, in any order and number of pictures.
    """
    parts = {f"x_{part}": _frames(getattr(pictures, f"x_{part}"), saccade, pixel, frames) for part in PARTS}
    record = {
        "made of": pictures.name, "digest of the pictures": pictures.digest, "saccade": saccade.record,
        "pixel": pixel.record, "frames": frames.record,
    }  # fmt: skip
    return replace(pictures, name=name, record=record, **parts)


def digits_saccade(digits: Dataset, frames: Frames | None = None) -> Dataset:
    """The digits before a sensor of N-MNIST's size, 34 x 34."""
    return saccades(digits, "digits-saccade", saccade=DIGITS, frames=frames or FRAMES)


def cifar10_saccade(cifar10: Dataset, frames: Frames | None = None) -> Dataset:
    """A part of CIFAR-10 (`CIFAR10_PICTURES`), grey, before a sensor of 32 x 32."""
    return saccades(_fewer(cifar10), "cifar10-saccade", saccade=CIFAR10, frames=frames or FRAMES)


def _fewer(whole: Dataset) -> Dataset:
    """Draw the pictures of each part, classes in proportion."""
    kept: dict[str, Tensor] = {}
    for number, (part, most) in enumerate(CIFAR10_PICTURES.items()):
        labels = getattr(whole, f"y_{part}")
        picks = stratified(labels.numpy(), min(most, len(labels)), SPLIT_SEED + 10 + number)
        for name in (f"x_{part}", f"y_{part}"):
            kept[name] = getattr(whole, name)[torch.from_numpy(picks)]
    return replace(whole, **kept)


def _frames(pictures: Tensor, saccade: Saccade, pixel: Pixel, frames: Frames) -> Tensor:
    """Count the events of pictures (B, C, h, w) as frames (B, T, 2, side, side)."""
    return torch.from_numpy(np.stack([frames(one) for one in saccade.record_events(pictures, pixel)]))
