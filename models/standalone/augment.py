"""Pictures on the device, and what is done to them in training: mirrored, shifted, a square cut out."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from job import Job
from pictures import TRAIN, read_parts
from torch import Tensor


class Pictures(NamedTuple):
    """Images uint8 (n, 3, 32, 32) and labels (n), to learn from and to test."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor

    @classmethod
    def read(cls, paths: list[Path], device: str) -> "Pictures":
        """Read CIFAR-10 from its two packed parts; ValueError as `read_parts`."""
        return cls.of(*read_parts(paths), device)

    @classmethod
    def of(cls, images: np.ndarray, labels: np.ndarray, device: str, train: int = TRAIN) -> "Pictures":
        """Bring images uint8 (n, 32, 32, 3) and labels to the device, the first `train` to learn from."""
        x = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(device)
        y = torch.from_numpy(labels).long().to(device)
        return cls(x[:train], y[:train], x[train:], y[train:])

    def validating(self, count: int = 5_000) -> "Pictures":
        """Return the last images to learn from as a validation part, in place of the test part."""
        return Pictures(self.x[:-count], self.y[:-count], self.x[-count:], self.y[-count:])


def augment(images: Tensor, job: Job, generator: torch.Generator) -> Tensor:
    """Mirror, shift (reflecting borders) and cut a square out of images uint8 (n, 3, 32, 32) -> uint8."""
    n, device = len(images), images.device

    def draw(high: int, *shape: int) -> Tensor:
        return torch.randint(high, (n, *shape), generator=generator, device=device)

    at, line = draw(2 * job.shift + 1, 2) - job.shift, torch.arange(32, device=device)
    y, x = (_reflect(line + at[:, axis, None]) for axis in (0, 1))
    x = torch.where(draw(2, 1) == 1, 31 - x, x)
    each = torch.arange(n, device=device)[:, None, None, None]
    channel = torch.arange(3, device=device)[None, :, None, None]
    out = images[each, channel, y[:, None, :, None], x[:, None, None, :]]
    if job.cutout:
        corner = draw(32 + job.cutout, 2) - job.cutout
        hole = (line >= corner[:, :, None]) & (line < corner[:, :, None] + job.cutout)
        out = out.masked_fill(hole[:, 0, None, :, None] & hole[:, 1, None, None, :], 128)
    return out


def _reflect(index: Tensor) -> Tensor:
    """Fold pixel numbers beyond 0..31 back."""
    return 31 - (31 - index.abs()).abs()
