"""Test data of a network: inputs and labels, a harder set if there is one, and training inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from memsim import models
from memsim.models import Dataset
from memsim.models.training.train import CALIBRATION
from memsim.studies.evaluation.identity import tensors_digest

HARDER = {"digits": "digits-hard"}
"""The harder test set of each data set that has one; a file of that name is another data set."""

GIVEN = "given data"
"""Name of arrays that come without one."""

FORMS = "the name of a data set, an .npz file, a models.Dataset, or arrays (x_test, y_test[, x_train])"


@final
@dataclass(frozen=True, eq=False)
class TestData:
    """Inputs (B, ...) with labels (B), the plain set first, and the training inputs that set ranges.

    The images come first here, whatever axis of its inputs a network has them on: ``laid_out`` moves them.
    """

    name: str
    sets: Mapping[str, tuple[Tensor, Tensor]]
    training: Tensor | None = None  #: the first of them (n, ...)
    named: bool = field(default=False, kw_only=True)  #: one of memsim's own data sets, by its name
    whole: Dataset | None = field(default=None, kw_only=True)  #: all its parts, where it is a data set
    batch_axis: int = field(default=0, kw_only=True)  #: of the network's inputs, where the images are

    @property
    def images(self) -> int:
        """How many inputs the plain set has."""
        return len(self.sets[self.name][1])

    def laid_out(self, x: Tensor) -> Tensor:
        """Return inputs (B, ...) as the network takes them, with the images on its batch axis."""
        return x.movedim(0, self.batch_axis)

    @property
    def digest(self) -> str:
        """The digest of the plain set and the training inputs."""
        x, y = self.sets[self.name]
        return tensors_digest([("x_test", x), ("y_test", y), ("x_train", self.training)])


def test_data(data: Any, *, images: int | None = None, folder: str = "data", batch_axis: int = 0) -> TestData:
    """Make test data of whatever was given, the first `images` of it; ValueError or TypeError names what is
    wrong with it.

    batch_axis: where arrays hold their images, as the network takes them; data sets have them first,
        and behind the time steps where they are event frames.
    """
    if images is not None and images < 1:
        raise ValueError(f"images = {images}: at least one input is needed")
    if isinstance(batch_axis, bool) or not isinstance(batch_axis, int) or batch_axis < 0:
        raise ValueError(f"batch_axis = {batch_axis!r}: the axis of the images, a whole number from 0 on")
    if isinstance(data, (str, Path)):
        file = Path(data)
        stamp = file.stat().st_mtime_ns if file.suffix == ".npz" and file.is_file() else 0
        found = _named(str(data), images, folder, stamp)
    elif isinstance(data, Dataset):
        found = _of(data, images)
    elif isinstance(data, (tuple, list)) and len(data) in (2, 3):
        return _arrays(images, batch_axis, *data)
    else:
        given = f"{len(data)} things" if isinstance(data, (tuple, list)) else f"a {type(data).__name__}"
        raise TypeError(f"data is {given}; it takes {FORMS}")
    return replace(found, batch_axis=batch_axis) if batch_axis else found


@lru_cache(maxsize=2)
def _named(name: str, images: int | None, folder: str, _: int) -> TestData:
    own = not name.lower().endswith(".npz")
    plain = _of(models.datasets.load(name, folder), images, named=own)
    if not own or plain.name not in HARDER:
        return plain
    harder = _of(models.datasets.load(HARDER[plain.name]), images)
    return replace(plain, sets={**plain.sets, **harder.sets})


def _of(data: Dataset, images: int | None, *, named: bool = False) -> TestData:
    sets = {data.name: (data.x_test[:images], data.y_test[:images])}
    axis = 0 if data.steps is None else 1  # networks get event frames time first
    return TestData(data.name, sets, data.x_train[:CALIBRATION], named=named, whole=data, batch_axis=axis)


def _arrays(images: int | None, axis: int, x: Any, y: Any, x_train: Any = None) -> TestData:
    inputs, labels = _images_first("x_test", x, axis), _tensor("y_test", y)
    if inputs.dim() < 1 or len(inputs) == 0 or labels.shape != inputs.shape[:1]:
        raise ValueError(
            f"x_test {tuple(inputs.shape)} and y_test {tuple(labels.shape)} are not (B, ...) and (B); "
            "are the labels one-hot, or the images on another axis (batch_axis=)?"
        )
    if labels.is_floating_point() or labels.is_complex() or int(labels.min()) < 0:
        raise ValueError(f"y_test ({labels.dtype}) must hold whole numbers >= 0, the number of each class")
    training = None if x_train is None else _images_first("x_train", x_train, axis)[:CALIBRATION]
    if training is not None and (training.shape[1:] != inputs.shape[1:] or not len(training)):
        raise ValueError(
            f"x_train (n, {', '.join(map(str, training.shape[1:]))}) and x_test "
            f"(B, {', '.join(map(str, inputs.shape[1:]))}) are inputs of different shapes, or there are none"
        )
    return TestData(GIVEN, {GIVEN: (inputs[:images], labels[:images].long())}, training, batch_axis=axis)


def _images_first(name: str, value: Any, axis: int) -> Tensor:
    found = _tensor(name, value)
    if axis and found.dim() <= axis:
        raise ValueError(f"batch_axis = {axis}: {name} {tuple(found.shape)} has no such axis")
    return found.movedim(axis, 0) if axis else found


def _tensor(name: str, value: Any) -> Tensor:
    try:
        found = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} is a {type(value).__name__} that is no array: {error}") from None
    if found.is_floating_point() and not bool(torch.isfinite(found).all()):
        raise ValueError(f"{name} holds NaN or infinity")
    return found
