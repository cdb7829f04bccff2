"""The training record of a network: data, recipe, versions and accuracies."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

from memsim.models.datasets.catalog import SETS
from memsim.models.datasets.dataset import PARTS, Dataset
from memsim.models.measures import accuracy, predict
from memsim.models.networks.network import Network
from memsim.models.training.recipe import Recipe


def record_of(
    net: nn.Module,
    dataset: Dataset,
    recipe: Recipe,
    seed: int,
    history: list[dict[str, Any]],
    notes: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the training record; this computes the test accuracy, the only use of the test part."""
    versions = {name: version(name) for name in ("torch", "numpy", "numba", "scikit-learn")}
    return {
        "dataset": dataset.name,
        "dataset_digest": dataset.digest,
        "images": {part: len(getattr(dataset, f"y_{part}")) for part in PARTS},
        **({"dataset_record": dict(dataset.record)} if dataset.record else {}),
        "seed": seed,
        "recipe": recipe.model_dump(mode="json"),
        "versions": {"python": platform.python_version(), **versions},
        "threads": torch.get_num_threads(),
        "epochs": [{key: round(value, 5) for key, value in row.items()} for row in history],
        "val_accuracy": history[-1]["val_accuracy"],
        "test_accuracy": accuracy(predict(net, dataset.x_test), dataset.y_test),
        "wall_time [s]": round(sum(row["wall_time [s]"] for row in history), 1),
        **notes,
    }


def dataset_of(net: nn.Module) -> str | None:
    """Return the name of the data set in the training record of a network; None: no record."""
    return net.record.get("dataset") if isinstance(net, Network) else None


def is_own(dataset: Dataset, net: nn.Module) -> bool:
    """Return whether a network was trained on this data set.

    The digest in the record is compared with that of the data. Older records have a name only: built-in data
    sets are then still compared by content, others by name (with or without ".npz"). The result is False for
    a network without a record.
    """
    if not isinstance(net, Network):
        return False
    record = net.record
    if "dataset_digest" in record:
        return record["dataset_digest"] == dataset.digest
    name = record.get("dataset")
    if name in SETS:
        return SETS[name]().digest == dataset.digest
    return name is not None and name in (dataset.name, dataset.name.removesuffix(".npz"))
