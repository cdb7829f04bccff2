"""Training: AdamW with a cosine schedule over surrogate gradients; each epoch depends on (seed, epoch) only,
so it can resume.
"""

import platform
import time
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from math import cos, pi
from pathlib import Path
from typing import Any, final

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from memsim.models.checkpoint import read, write
from memsim.models.datasets.dataset import Dataset
from memsim.models.measures import accuracy, predict
from memsim.models.networks.s2tdpt import S2TDPT
from memsim.models.networks.s2tdpt_config import S2TDPTConfig
from memsim.models.training.augment import Augmentation

STATE = "memsim-training-1"
CALIBRATION = 64  #: training images a network keeps, to set converter ranges with
Progress = Callable[[dict[str, Any]], None]


@final
class Recipe(BaseModel):
    """How to train: chosen on the validation part of `digits`, good for small sets; larger ones want fewer
    epochs (`RECIPES`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=100, ge=1)
    batch: int = Field(default=64, ge=2)
    learning_rate: float = Field(default=3e-3, gt=0, description="at the top, after the warm-up")
    final_rate: float = Field(default=1e-5, ge=0, description="at the end of the cosine")
    warmup: int = Field(default=5, ge=0, description="epochs of linear rise")
    weight_decay: float = Field(default=0.05, ge=0)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    augmentation: Augmentation = Field(default=Augmentation())
    half: bool = Field(default=False, description="round the trained network to float16, to half its file")

    def rate(self, epoch: float) -> float:
        """Learning rate at a (fractional) epoch."""
        if epoch < self.warmup:
            return self.learning_rate * (epoch + 1e-3) / self.warmup
        part = (epoch - self.warmup) / max(self.epochs - self.warmup, 1)
        return self.final_rate + (self.learning_rate - self.final_rate) * (1 + cos(pi * part)) / 2


RECIPES = {
    "digits": Recipe(),
    "fashion-mnist": Recipe(
        epochs=10,
        batch=64,
        learning_rate=2.5e-3,
        warmup=0,
        weight_decay=0.02,
        label_smoothing=0.05,
        augmentation=Augmentation(rotation=0, zoom=0, shift=0, noise=0, mirror=True),
        half=True,
    ),
}
"""The recipe of a data set; any other gets the default."""


def train(
    dataset: Dataset,
    config: S2TDPTConfig,
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    state: str | Path | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
) -> S2TDPT:
    """A network trained from `seed`, with its `record`; the test part is used once, after the last epoch.

    `state` names a file where the training stands after each epoch: where it exists, training goes on from
    there and ends with the same bits as if it had never stopped (same machine and threads). `progress` is
    called after each epoch with the epoch's record. ValueError when data and configuration do not fit, or the
    state belongs to another training.
    """
    recipe = recipe or RECIPES.get(dataset.name, Recipe())
    _check(dataset, config)
    torch.set_flush_denormal(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = S2TDPT(config).to(device)
    optimizer = optimizer_of(net, recipe)
    identity = _identity(dataset, config, recipe, seed)
    history = _resume(Path(state), net, optimizer, identity) if state and Path(state).exists() else []
    for epoch in range(len(history), recipe.epochs):
        history.append(train_epoch(net, optimizer, dataset, recipe, seed, epoch))
        if state:
            write(
                state, _snapshot(net, optimizer), {"format": STATE, "identity": identity, "history": history}
            )
        if progress:
            progress(history[-1])
    return finished(net, dataset, recipe, seed, history)


def finished(net: S2TDPT, dataset: Dataset, recipe: Recipe, seed: int, history: list[dict]) -> S2TDPT:
    """The trained network itself, rounded where the recipe says so, with calibration images and record."""
    if recipe.half:
        net.half().float()
    net.calibration_images = dataset.x_train[:CALIBRATION].clone()
    net.record = _record(net, dataset, recipe, seed, history)
    return net.eval()


def optimizer_of(net: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices alone."""
    matrices, vectors = ([p for p in net.parameters() if (p.ndim > 1) is matrix] for matrix in (True, False))
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)


def training_images(dataset: Dataset, recipe: Recipe, count: int, seed: int = 0) -> Tensor:
    """`count` training images (all where there are fewer), drawn and moved as in an epoch: (n, C, H, W)."""
    generator = torch.Generator().manual_seed(_seed(f"memsim images {seed}"))
    order = torch.randperm(len(dataset.y_train), generator=generator)
    return recipe.augmentation(dataset.x_train[order[:count]], generator)


def _seed(name: str) -> int:
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") >> 1


def _check(dataset: Dataset, config: S2TDPTConfig) -> None:
    if dataset.in_shape != config.in_shape or len(dataset.classes) > config.num_classes:
        ours = f"images {dataset.in_shape} of {len(dataset.classes)} classes"
        theirs = f"{config.in_shape} of {config.num_classes}"
        raise ValueError(f"{dataset.name} has {ours}, the network takes {theirs}; build it with these")


def train_epoch(
    net: S2TDPT, optimizer: torch.optim.Optimizer, dataset: Dataset, recipe: Recipe, seed: int, epoch: int
) -> dict[str, Any]:
    """One pass over the training part, and what the record says of it."""
    started = time.perf_counter()
    loss = _epoch(net, optimizer, dataset, recipe, seed, epoch)
    right = accuracy(predict(net, dataset.x_val), dataset.y_val)
    row = {"epoch": epoch, "loss": loss, "val_accuracy": right}
    return row | {"wall_time [s]": time.perf_counter() - started}


def _epoch(
    net: S2TDPT, optimizer: torch.optim.Optimizer, dataset: Dataset, recipe: Recipe, seed: int, epoch: int
) -> float:
    """One pass over the training part; returns the mean loss."""
    generator = torch.Generator().manual_seed(_seed(f"memsim train {seed} {epoch}"))
    device = next(net.parameters()).device
    order = torch.randperm(len(dataset.y_train), generator=generator)
    batches = [part for part in order.split(recipe.batch) if len(part) > 1]
    loss_of = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    net.train()
    total = 0.0
    for number, part in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate(epoch + number / len(batches))
        images = recipe.augmentation(dataset.x_train[part], generator).to(device)
        loss = loss_of(net(images), dataset.y_train[part].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(part)
    mean = total / sum(len(part) for part in batches)
    if mean != mean:
        raise ValueError(f"the loss became NaN in epoch {epoch}: lower learning_rate={recipe.learning_rate}")
    return mean


def _identity(dataset: Dataset, config: S2TDPTConfig, recipe: Recipe, seed: int) -> str:
    """What fixes a training: a change of any of it makes another one."""
    parts = (
        dataset.name,
        str(len(dataset.y_train)),
        config.model_dump_json(),
        recipe.model_dump_json(),
        str(seed),
    )
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def _snapshot(net: S2TDPT, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Everything a training needs to go on: the network, and AdamW's moments by parameter number."""
    moments = {
        f"optimizer.{n}.{key}": t for n, s in optimizer.state_dict()["state"].items() for key, t in s.items()
    }
    return {f"net.{name}": tensor for name, tensor in net.state_dict().items()} | moments


def _resume(path: Path, net: S2TDPT, optimizer: torch.optim.Optimizer, identity: str) -> list[dict[str, Any]]:
    """Put a saved state into network and optimizer; returns the epochs done."""
    tensors, header = read(path)
    if header.get("format") != STATE or header.get("identity") != identity:
        raise ValueError(
            f"{path} is the state of another training (data, configuration, recipe or seed differ); remove it"
        )
    net.load_state_dict(
        {name.removeprefix("net."): t for name, t in tensors.items() if name.startswith("net.")}
    )
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, number, key = name.split(".")
            state.setdefault(int(number), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return header["history"]


def _record(net: S2TDPT, dataset: Dataset, recipe: Recipe, seed: int, history: list[dict]) -> dict[str, Any]:
    """The training record, with the one look at the test part."""
    versions = {name: version(name) for name in ("torch", "numpy", "numba", "scikit-learn")}
    return {
        "dataset": dataset.name,
        "images": {part: len(getattr(dataset, f"y_{part}")) for part in ("train", "val", "test")},
        "seed": seed,
        "recipe": recipe.model_dump(mode="json"),
        "versions": {"python": platform.python_version(), **versions},
        "threads": torch.get_num_threads(),
        "epochs": [{key: round(value, 5) for key, value in row.items()} for row in history],
        "val_accuracy": history[-1]["val_accuracy"],
        "test_accuracy": accuracy(predict(net, dataset.x_test), dataset.y_test),
        "wall_time [s]": round(sum(row["wall_time [s]"] for row in history), 1),
    }
