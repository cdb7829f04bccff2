"""What a data set is: images and labels in three parts, and how the parts are drawn."""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

SPLIT_SEED = 20250701  #: of every split; changing it changes the data sets


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images (B, C, H, W) float32 in [0, 1] and labels (B) int64, in three parts that share no image.

    Every choice is made on the validation part; the test part tells the result. ValueError when images and
    labels do not match, pixels leave [0, 1], or labels leave the classes.
    """

    name: str
    classes: tuple[str, ...]
    x_train: Tensor
    y_train: Tensor
    x_val: Tensor
    y_val: Tensor
    x_test: Tensor
    y_test: Tensor

    def __post_init__(self):
        for part in ("train", "val", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            where = f"{self.name}: x_{part} {tuple(x.shape)}"
            if x.ndim != 4 or len(x) != len(y) or len(x) == 0:
                raise ValueError(f"{where} and y_{part} {tuple(y.shape)} are not (B, C, H, W) and (B)")
            if not (float(x.min()) >= 0 and float(x.max()) <= 1):
                raise ValueError(
                    f"{where} has NaN or pixels outside [0, 1]; were bytes turned to floats undivided?"
                )
            if int(y.min()) < 0 or int(y.max()) >= len(self.classes):
                raise ValueError(f"{self.name}: y_{part} has labels outside 0..{len(self.classes) - 1}")

    @property
    def in_shape(self) -> tuple[int, int, int]:
        """Channels, height, width of an image."""
        _, channels, height, width = self.x_train.shape
        return channels, height, width


def stratified(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Sorted indices of `count` samples, classes in proportion (largest remainders first)."""
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
) -> Dataset:
    """A Dataset of (images, labels) arrays, `validation` of them taken out of the training part."""
    held = stratified(train[1], validation, SPLIT_SEED + 1)
    kept = np.setdiff1d(np.arange(len(train[1])), held)
    arrays = [train[0][kept], train[1][kept], train[0][held], train[1][held], *test]
    tensors = [torch.from_numpy(np.ascontiguousarray(a)) for a in arrays]
    keys = ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test")
    return Dataset(name=name, classes=classes, **dict(zip(keys, tensors, strict=True)))
