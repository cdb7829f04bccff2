"""CIFAR-10 from its two packed parts, and what is done to pictures in training."""

import lzma
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from job import Job
from torch import Tensor

DIGEST = (
    "795f1793d7b8f8883c578442a02455d2469d49685325e98ea0621b15f4a88d69"  #: of all 60,000 images and labels
)


class Pictures(NamedTuple):
    """Images uint8 (n, 3, 32, 32) and labels (n), to learn from and to test."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor

    def validating(self, count: int = 5_000) -> "Pictures":
        """The same with the last images to learn from as a validation part in place of the test part."""
        return Pictures(self.x[:-count], self.y[:-count], self.x[-count:], self.y[-count:])


def unpack(paths: list[Path], device: str) -> Pictures:
    """Read the pictures from the two packed parts; SystemExit on damage.

    A part holds residuals of the median edge predictor (Weinberger, Seroussi & Sapiro 2000) on the planes G,
    R-G+128, B-G+128 modulo 256, then the labels, compressed with xz.
    """
    found = [_part(path) for path in paths]
    images, labels = (np.concatenate(part) for part in zip(*found, strict=True))
    if sha256(images.tobytes() + labels.tobytes()).hexdigest() != DIGEST:
        raise SystemExit(f"{', '.join(map(str, paths))}: not the two parts of CIFAR-10, in order, undamaged")
    x = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(device)
    y = torch.from_numpy(labels).long().to(device)
    return Pictures(x[:50_000], y[:50_000], x[50_000:], y[50_000:])


def _part(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, 32, 32, 3) and labels (n) of one part."""
    body = np.frombuffer(lzma.decompress(path.read_bytes()), np.uint8)
    count = len(body) // 3073
    return decode(body[: 3072 * count].reshape(3, count, 32, 32)), body[3072 * count :]


def decode(residual: np.ndarray) -> np.ndarray:
    """Residuals (3, n, 32, 32) -> images (n, 32, 32, 3)."""
    value = np.zeros((33, 33, 3, residual.shape[1]), np.int16)
    residual = np.ascontiguousarray(residual.transpose(2, 3, 0, 1))
    for y in range(32):
        for x in range(32):
            left, up, corner = value[y + 1, x], value[y, x + 1], value[y, x]
            low, high = np.minimum(left, up), np.maximum(left, up)
            guess = np.where(corner >= high, low, np.where(corner <= low, high, left + up - corner))
            value[y + 1, x + 1] = (guess + residual[y, x]) & 255
    green, red, blue = value[1:, 1:].transpose(2, 3, 0, 1)
    return (np.stack([red + green - 128, green, blue + green - 128], -1) & 255).astype(np.uint8)


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


def encode(images: np.ndarray) -> np.ndarray:
    """Images (n, 32, 32, 3) -> residuals (3, n, 32, 32), which `decode` undoes."""
    red, green, blue = (images[..., c].astype(np.int16) for c in range(3))
    planes = np.stack([green, red - green + 128, blue - green + 128]) & 255
    framed = np.pad(planes, ((0, 0), (0, 0), (1, 0), (1, 0)))
    left, up, corner = framed[:, :, 1:, :-1], framed[:, :, :-1, 1:], framed[:, :, :-1, :-1]
    low, high = np.minimum(left, up), np.maximum(left, up)
    guess = np.where(corner >= high, low, np.where(corner <= low, high, left + up - corner))
    return ((planes - guess) & 255).astype(np.uint8)


def pack(images: np.ndarray, labels: np.ndarray, path: Path) -> None:
    """Write images uint8 (n, 32, 32, 3) and labels (n) as one packed part."""
    path.write_bytes(lzma.compress(encode(images).tobytes() + labels.astype(np.uint8).tobytes()))
