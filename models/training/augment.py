"""Augmentation of training images by small rotations, zooms, shifts and noise, and optional mirroring."""

from math import radians
from typing import final

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


@final
class Augmentation(BaseModel):
    """Ranges of the random transformations of training images.

    Rotation, zoom and shift are drawn uniformly within +- their value, anew for each image and epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotation: float = Field(default=15.0, ge=0, description="degrees")
    zoom: float = Field(default=0.125, ge=0, lt=1, description="fraction")
    shift: float = Field(default=0.6, ge=0, description="pixels")
    noise: float = Field(
        default=0.05, ge=0, description="standard deviation of Gaussian pixel noise; white is 1"
    )
    mirror: bool = Field(
        default=False, description="mirror half of the images left to right (not for digits)"
    )

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return transformed images (B, C, H, W) in [0, 1]; all random numbers come from `generator` (CPU).

        All event frames (B, T, C, H, W) of a sample get the same transformation; their counts are 0 or more
        and have no upper bound. Where nothing is to be transformed the images come back as they are.
        """
        if not (self.rotation or self.zoom or self.shift or self.noise or self.mirror):
            return images
        if images.ndim == 5:
            frames = self._moved(images.flatten(1, 2), generator, most=None)
            return frames.unflatten(1, images.shape[1:3])
        return self._moved(images, generator, most=1.0)

    def _moved(self, images: Tensor, generator: torch.Generator, most: float | None) -> Tensor:
        """Return images (B, C, H, W) transformed, with noise, and clipped to 0 to `most` (None: no limit)."""
        count, _, height, width = images.shape
        draw = torch.rand(count, 5, generator=generator) * 2 - 1
        angle, zoom = draw[:, 0] * radians(self.rotation), 1 + draw[:, 1] * self.zoom
        flip = torch.where(draw[:, 4] < 0, -1.0, 1.0) if self.mirror else torch.ones(count)
        affine = torch.zeros(count, 2, 3)
        affine[:, 0, 0], affine[:, 0, 1] = flip * angle.cos() / zoom, -angle.sin() / zoom * (height / width)
        affine[:, 1, 0], affine[:, 1, 1] = flip * angle.sin() / zoom * (width / height), angle.cos() / zoom
        affine[:, :, 2] = draw[:, 2:4] * self.shift * 2 / torch.tensor([width, height])
        grid = affine_grid(affine.to(images), list(images.shape), align_corners=False)
        moved = grid_sample(images, grid, align_corners=False)
        noise = torch.randn(images.shape, generator=generator) * self.noise
        return (moved + noise.to(images)).clamp_(0, most)
