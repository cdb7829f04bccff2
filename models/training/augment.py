"""Mild augmentation of training images: small rotations, zooms and shifts, a little noise, mirrors where they
are harmless.
"""

from math import radians
from typing import final

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


@final
class Augmentation(BaseModel):
    """How far a training image may be moved; each image and epoch draws anew, uniform within +-."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotation: float = Field(default=15.0, ge=0, description="degrees")
    zoom: float = Field(default=0.125, ge=0, lt=1, description="fraction")
    shift: float = Field(default=0.6, ge=0, description="pixels")
    noise: float = Field(
        default=0.05, ge=0, description="standard deviation of normal pixel noise, fraction of white"
    )
    mirror: bool = Field(
        default=False, description="mirror half of the images left to right (not for digits)"
    )

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images (B, C, H, W) in [0, 1], moved; all draws come from the generator, on the CPU.

        Event frames (B, T, C, H, W) are moved as one; their counts stay 0 or more and have no upper bound.
        """
        if images.ndim == 5:
            frames = self._moved(images.flatten(1, 2), generator, most=None)
            return frames.unflatten(1, images.shape[1:3])
        return self._moved(images, generator, most=1.0)

    def _moved(self, images: Tensor, generator: torch.Generator, most: float | None) -> Tensor:
        """Images (B, C, H, W), moved and noisy, within 0 and `most`."""
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
