"""Training: AdamW with a cosine schedule over surrogate gradients; each epoch depends on (seed, epoch) only,
so it can resume.
"""

import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, overload

import torch
from torch import Tensor, nn

from memsim.models.datasets.dataset import Dataset, time_first
from memsim.models.measures import accuracy, predict
from memsim.models.networks.architecture import create
from memsim.models.networks.network import Network, NetworkConfig
from memsim.models.training.recipe import RECIPES, Recipe
from memsim.models.training.record import record_of
from memsim.models.training.state import identity_of, resume, store

CALIBRATION = 64  #: training images a network keeps, to set converter ranges with
Progress = Callable[[dict[str, Any]], None]
Forward = Callable[[Tensor, int], Tensor]
"""Images (B, C, H, W), or event frames (T, B, C, H, W), and the number of the batch since the training began
-> logits (B, classes).
"""
M = TypeVar("M", bound=nn.Module)


@overload
def train(
    dataset: Dataset,
    network: NetworkConfig,
    *,
    seed: int = ...,
    recipe: Recipe | None = ...,
    state: str | Path | None = ...,
    progress: Progress | None = ...,
    device: str = ...,
) -> Network: ...
@overload
def train(
    dataset: Dataset,
    network: M,
    *,
    seed: int = ...,
    recipe: Recipe | None = ...,
    state: str | Path | None = ...,
    progress: Progress | None = ...,
    device: str = ...,
    forward: Forward | None = ...,
    notes: Mapping[str, Any] | None = ...,
) -> M: ...
def train(
    dataset: Dataset,
    network: NetworkConfig | nn.Module,
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    state: str | Path | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
    forward: Forward | None = None,
    notes: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Train a network and give it its `record`; the test part is used once, after the last epoch.

    network: a configuration, of which a fresh network is made from `seed`; or a network, any module of images
        (B, C, H, W), or event frames (T, B, C, H, W), -> logits (B, classes), which is trained on in place.
    state: a file where the training stands after each epoch. If it exists, training goes on from there and
        ends with the same bits as if it had never stopped (same machine and threads).
    progress: called after each epoch with the epoch's record.
    forward: what the loss is computed through, default: the network. One that simulates hardware around the
        network's parameters makes the training hardware-aware; validation and test use the network itself.
    notes: plain values that fix `forward` (a card, a seed): part of the record and of the state's identity.

    ValueError when data and network do not fit, or the state belongs to another training or other data.
    """
    recipe, notes = recipe or RECIPES.get(dataset.name, Recipe()), notes or {}
    identity = identity_of(dataset, network, recipe, seed, notes)
    torch.set_flush_denormal(True)
    if isinstance(network, NetworkConfig):
        _check(dataset, network)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net: nn.Module = create(network).to(device)
    else:
        net = network.to(device)
        _check_answers(dataset, net)
    optimizer = optimizer_of(net, recipe)
    history = resume(state, net, optimizer, identity)
    for epoch in range(len(history), recipe.epochs):
        history.append(train_epoch(net, optimizer, dataset, recipe, seed, epoch, forward))
        if state:
            store(state, net, optimizer, identity, history)
        if progress:
            progress(history[-1])
    return finished(net, dataset, recipe, seed, history, notes)


def finished(
    net: M,
    dataset: Dataset,
    recipe: Recipe,
    seed: int,
    history: list[dict[str, Any]],
    notes: Mapping[str, Any] | None = None,
) -> M:
    """Return the trained network itself, rounded if the recipe says so, with record and calibration images.

    A module of another kind gets `calibration_images` and `record` as attributes, too.
    """
    if recipe.half:
        net.half().float()
    record = record_of(net, dataset, recipe, seed, history, notes or {})
    images = time_first(dataset.x_train[:CALIBRATION]).clone()
    for name, value in (("calibration_images", images), ("record", record)):
        setattr(net, name, value)
    return net.eval()


def optimizer_of(net: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """Make AdamW with weight decay on matrices alone."""
    matrices, vectors = ([p for p in net.parameters() if (p.ndim > 1) is matrix] for matrix in (True, False))
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)


def training_images(dataset: Dataset, recipe: Recipe, count: int, seed: int = 0) -> Tensor:
    """Draw `count` training images (all where there are fewer), moved as in an epoch: (n, C, H, W)."""
    generator = torch.Generator().manual_seed(_seed(f"memsim images {seed}"))
    order = torch.randperm(len(dataset.y_train), generator=generator)
    return recipe.augmentation(dataset.x_train[order[:count]], generator)


def _seed(name: str) -> int:
    """Return the seed of a named stream."""
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") >> 1


def _check(dataset: Dataset, config: NetworkConfig) -> None:
    """Refuse data of another shape, or with more classes, than the network takes."""
    if dataset.in_shape != config.in_shape or len(dataset.classes) > config.num_classes:
        ours = f"images {dataset.in_shape} of {len(dataset.classes)} classes"
        theirs = f"{config.in_shape} of {config.num_classes}"
        raise ValueError(f"{dataset.name} has {ours}, the network takes {theirs}; build it with these")


def _check_answers(dataset: Dataset, net: nn.Module) -> None:
    """Refuse a network that gives no logits, one for each class, of two of the images."""
    if isinstance(net, Network):
        return _check(dataset, net.config)
    ours, classes = f"{dataset.name}: images {dataset.in_shape}", len(dataset.classes)
    try:
        logits = predict(net, dataset.x_train[:2])
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ValueError(f"{ours} do not fit the network: {error}") from error
    if logits.ndim != 2 or len(logits) != len(dataset.x_train[:2]) or logits.shape[1] < classes:
        raise ValueError(
            f"{ours} of {classes} classes: the network must give logits (B, {classes}), "
            f"of 2 images it gives {tuple(logits.shape)}"
        )


def train_epoch(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    dataset: Dataset,
    recipe: Recipe,
    seed: int,
    epoch: int,
    forward: Forward | None = None,
) -> dict[str, Any]:
    """Pass over the training part once, the loss computed through `forward` (default: the network).

    Returns the epoch's record: loss, validation accuracy of the network itself, wall time [s].
    """
    started = time.perf_counter()
    loss = _epoch(net, optimizer, dataset, recipe, seed, epoch, forward or (lambda images, _: net(images)))
    right = accuracy(predict(net, dataset.x_val), dataset.y_val)
    row = {"epoch": epoch, "loss": loss, "val_accuracy": right}
    return row | {"wall_time [s]": time.perf_counter() - started}


def _epoch(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    dataset: Dataset,
    recipe: Recipe,
    seed: int,
    epoch: int,
    forward: Forward,
) -> float:
    """Pass over the training part once; returns the mean loss."""
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
        images = time_first(recipe.augmentation(dataset.x_train[part], generator)).to(device)
        logits = forward(images, epoch * len(batches) + number)
        loss = loss_of(logits, dataset.y_train[part].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(part)
    mean = total / sum(len(part) for part in batches)
    if mean != mean:
        raise ValueError(f"the loss became NaN in epoch {epoch}: lower learning_rate={recipe.learning_rate}")
    return mean
