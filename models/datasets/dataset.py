"""A data set: images and labels in three parts, named by their content, and how the parts are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

SPLIT_SEED = 20250701  #: of every split; changing it changes the data sets
PARTS = ("train", "val", "test")


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Dataset:
    """Images (B, C, H, W) float32 in [0, 1] and labels (B) int64, in three parts that share no image.

    Samples of an event camera are frames (B, T, C, H, W), counts of events from 0 on, T time steps each;
    networks get them time first (`time_first`), so that `batch_axis=1` for chips.
    `record` says how the samples were made, in plain values; empty where they are taken as they come.

    Every choice is made on the validation part; the test part gives the result. `digest` is the identity:
    two data sets of one name and different content are two. ValueError, naming the part, on other shapes or
    types, on images and labels of unequal number, on parts with images of other sizes, on pixels outside
    [0, 1], on negative counts, on labels outside the classes.
    """

    name: str
    classes: tuple[str, ...]
    x_train: Tensor
    y_train: Tensor
    x_val: Tensor
    y_val: Tensor
    x_test: Tensor
    y_test: Tensor
    record: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        for part in PARTS:
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            _check_images(f"{self.name}: x_{part}", x)
            _check_labels(f"{self.name}: y_{part}", y, len(self.classes))
            if len(x) != len(y):
                raise ValueError(
                    f"{self.name}: x_{part} has {len(x)} images, y_{part} {len(y)} labels: one label an image"
                )
            shape, first = tuple(x.shape[1:]), tuple(self.x_train.shape[1:])
            if shape != first:
                raise ValueError(f"{self.name}: x_{part} has images {shape}, x_train {first}: pass one shape")

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part} {len(getattr(self, f'y_{part}'))}" for part in PARTS)
        shape = tuple(self.x_train.shape[1:])
        return f"Dataset({self.name!r}, {shape}, {len(self.classes)} classes, {sizes}, {self.digest})"

    @property
    def in_shape(self) -> tuple[int, int, int]:
        """Channels, height, width of an image, or of one event frame."""
        *_, channels, height, width = self.x_train.shape
        return channels, height, width

    @property
    def steps(self) -> int | None:
        """Time steps of a sample of event frames; None for images."""
        return self.x_train.shape[1] if self.x_train.ndim == 5 else None

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits of the SHA-256 of all images and labels: the identity of the data set."""
        found = sha256()
        for part in PARTS:
            for tensor in (getattr(self, f"x_{part}"), getattr(self, f"y_{part}")):
                found.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
                found.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
        return found.hexdigest()[:16]


def time_first(x: Tensor) -> Tensor:
    """Return samples as networks take them: event frames (B, T, C, H, W) as (T, B, C, H, W), images as is."""
    return x.transpose(0, 1) if x.ndim == 5 else x


def _check_images(where: str, x: Tensor) -> None:
    """Refuse images that are not (B, C, H, W) float32 in [0, 1], and frames with negative counts."""
    if x.ndim not in (4, 5) or x.numel() == 0:
        raise ValueError(
            f"{where} has shape {tuple(x.shape)}, needed are images (B, C, H, W), "
            "or event frames (B, T, C, H, W), at least one"
        )
    if x.dtype != torch.float32:
        raise ValueError(f"{where} has type {x.dtype}, needed is torch.float32 in [0, 1]")
    low, high = (float(value) for value in x.aminmax())
    if x.ndim == 5 and not (low >= 0 and high < float("inf")):
        raise ValueError(f"{where} has NaN, infinity or negative counts of events")
    if x.ndim == 4 and not (low >= 0 and high <= 1):
        raise ValueError(f"{where} has NaN or pixels outside [0, 1]; were bytes turned to floats undivided?")


def _check_labels(where: str, y: Tensor, classes: int) -> None:
    """Refuse labels that are not (B) int64 in 0..classes - 1."""
    if y.ndim != 1:
        raise ValueError(f"{where}: {not_numbers(tuple(y.shape))}")
    if y.dtype != torch.int64:
        raise ValueError(f"{where} has type {y.dtype}, needed are class numbers of type torch.int64")
    if len(y) and (int(y.min()) < 0 or int(y.max()) >= classes):
        raise ValueError(
            f"{where} has labels from {int(y.min())} to {int(y.max())}, outside the classes 0..{classes - 1}"
        )


def not_numbers(shape: tuple[int, ...]) -> str:
    """Return the refusal of labels that have more than one axis."""
    slip = "pass class numbers, y.argmax(1)" if len(shape) == 2 else "pass class numbers (B)"
    return f"labels have shape {shape}: {slip}"


def agree(where: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Refuse images and labels of unequal number, or none."""
    if len(images) != len(labels) or len(images) == 0:
        raise ValueError(f"{where} has {len(images)} images and {len(labels)} labels: one label an image")


def stratified(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw sorted indices of `count` samples, classes in proportion (largest remainders first)."""
    rng = np.random.Generator(np.random.Philox(seed))
    classes, sizes = np.unique(labels, return_counts=True)
    share = sizes * count / len(labels)
    take = np.floor(share).astype(int)
    take[np.argsort(take - share, kind="stable")[: count - take.sum()]] += 1
    picks = [rng.permutation(np.flatnonzero(labels == c))[:n] for c, n in zip(classes, take, strict=True)]
    return np.sort(np.concatenate(picks))


def in_parts(
    name: str,
    classes: tuple[str, ...],
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    validation: int,
    record: Mapping[str, Any] | None = None,
) -> Dataset:
    """Make a Dataset of (images, labels) arrays, `validation` of them taken out of the training part.

    ValueError where the numbers of images and labels differ.
    """
    for part, (images, labels) in (("training", train), ("test", test)):
        agree(f"{name}: the {part} part", images, labels)
    held = stratified(train[1], validation, SPLIT_SEED + 1)
    kept = np.setdiff1d(np.arange(len(train[1])), held)
    arrays = [train[0][kept], train[1][kept], train[0][held], train[1][held], *test]
    tensors = [torch.from_numpy(np.ascontiguousarray(a)) for a in arrays]
    keys = ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test")
    parts = dict(zip(keys, tensors, strict=True))
    return Dataset(name=name, classes=classes, **parts, record=record or {})
