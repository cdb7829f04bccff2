"""Folds: a data set divided anew, so that each of its samples is tested once (cross-validation)."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from memsim.models.datasets.dataset import PARTS, SPLIT_SEED, Dataset, stratified
from memsim.models.known import fold_name


def fold(dataset: Dataset, number: int, of: int) -> Dataset:
    """Take one of `of` folds as the test part, a tenth of all others for validation, the rest for training.

    All three parts are pooled first; each class is dealt out to the folds in turn, in an order drawn from a
    fixed seed, so that folds differ by at most one sample in size and by at most one in every class. The name
    is "NAME:number/of", which `load` takes. ValueError for a number outside 1..of, or fewer samples than
    folds.
    """
    name = fold_name(dataset.name, number, of)
    x, y = (torch.cat([getattr(dataset, f"{axis}_{part}") for part in PARTS]) for axis in "xy")
    if len(y) < 2 * of:
        raise ValueError(f"{name}: {len(y)} samples are too few for {of} folds, of two samples at least")
    dealt = _dealt(y.numpy(), of)
    test, rest = np.flatnonzero(dealt == number - 1), np.flatnonzero(dealt != number - 1)
    held = rest[stratified(y.numpy()[rest], max(1, len(rest) // 10), SPLIT_SEED + 1)]
    chosen = {"train": np.setdiff1d(rest, held), "val": held, "test": test}
    parts: dict[str, Any] = {}
    for part, index in chosen.items():
        parts |= {f"x_{part}": x[index], f"y_{part}": y[index]}
    return replace(dataset, name=name, record={**dataset.record, "fold": [number, of]}, **parts)


def _dealt(labels: np.ndarray, of: int) -> np.ndarray:
    """Return the fold 0..of - 1 of each sample, the classes dealt out one after the other."""
    order = np.random.Generator(np.random.Philox(SPLIT_SEED + 2)).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    dealt = np.empty(len(labels), dtype=np.int64)
    dealt[by_class] = np.arange(len(labels)) % of
    return dealt
