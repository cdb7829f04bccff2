"""Training with surrogate gradients and a cosine schedule.

The random numbers of an epoch depend on (seed, epoch) only, so that a training can be resumed.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

import torch
from torch import Tensor, nn

from memsim.freed_memory import keep_freed_memory
from memsim.models.datasets.dataset import Dataset, time_first
from memsim.models.measures import accuracy, predict
from memsim.models.networks.architecture import create
from memsim.models.networks.network import Network, NetworkConfig
from memsim.models.training.augment import Augmentation
from memsim.models.training.denormals import flushed_denormals
from memsim.models.training.metrics import write_rows
from memsim.models.training.passes import Forward
from memsim.models.training.recipe import Recipe, recipe_for
from memsim.models.training.record import record_of
from memsim.models.training.run import Clock, Run, seed_of
from memsim.models.training.state import identity_of, resume, store
from memsim.models.training.teacher import begin_with, named

CALIBRATION = 64  #: training images stored with a network for the calibration of converter ranges
STATISTICS = 2048  #: training images for the batch-norm statistics of averaged weights
Progress = Callable[[dict[str, Any]], None]
M = TypeVar("M", bound=nn.Module)


@overload
def train(
    dataset: Dataset,
    network: NetworkConfig,
    *,
    seed: int = ...,
    recipe: Recipe | None = ...,
    state: str | Path | None = ...,
    metrics: str | Path | None = ...,
    progress: Progress | None = ...,
    device: str = ...,
    clock: Clock = ...,
) -> Network: ...
@overload
def train(
    dataset: Dataset,
    network: M,
    *,
    seed: int = ...,
    recipe: Recipe | None = ...,
    state: str | Path | None = ...,
    metrics: str | Path | None = ...,
    progress: Progress | None = ...,
    device: str = ...,
    clock: Clock = ...,
    forward: Forward | None = ...,
    notes: Mapping[str, Any] | None = ...,
) -> M: ...
@flushed_denormals()
def train(
    dataset: Dataset,
    network: NetworkConfig | nn.Module,
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    state: str | Path | None = None,
    metrics: str | Path | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
    clock: Clock = time.perf_counter,
    forward: Forward | None = None,
    notes: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Train a network and return it with its training `record`.

    network: a configuration, from which a network is built with `seed`; or any module that maps images
        (B, C, H, W) or event frames (T, B, C, H, W) to logits (B, classes), which is trained further in
        place.
    recipe: default: that of the data set (`recipe_for`).
    state: file for the state of the training after each epoch. If it exists, the training is resumed from it
        and gives bit-identical results (on the same machine with the same number of threads, and without
        `minutes`).
    metrics: file of JSON lines with one row for each epoch.
    progress: function that is called with the row of each epoch.
    device: torch device; clock: function that returns seconds, for wall times.
    forward: function that computes the logits for the loss; default: the network. A function that simulates
        hardware with the parameters of the network makes the training hardware-aware. Validation and test use
        the network itself.
    notes: plain values that describe `forward` (a card, a seed); they become part of the record and of the
        identity of the state.

    The test part is used once, after the last epoch. Raises ValueError if data and network do not fit, if the
    recipe has options without effect on the network, or if the state belongs to another training.
    """
    recipe, notes = recipe or recipe_for(dataset.name), notes or {}
    config = network if isinstance(network, NetworkConfig) else getattr(network, "config", None)
    start, teacher = (
        named(field, getattr(recipe, field), config if isinstance(config, NetworkConfig) else None)
        for field in ("start", "teacher")
    )
    identity = identity_of(dataset, network, recipe, seed, notes, start, teacher)
    keep_freed_memory()
    net = _network(dataset, network, recipe, seed, start).to(device)
    run = Run(
        net, dataset, recipe, seed,
        forward=forward, teacher=teacher if teacher is None else teacher.to(device), clock=clock,
    )  # fmt: skip
    resume(state, run, identity)
    while not run.ended:
        row = run.epoch()
        if state:
            store(state, run, identity)
        if metrics:
            write_rows(metrics, run.history)
        if progress:
            progress(row)
    return finished(run, notes)


def _network(
    dataset: Dataset, network: NetworkConfig | nn.Module, recipe: Recipe, seed: int, start: nn.Module | None
) -> nn.Module:
    """Return the network to train with its initial weights."""
    if not isinstance(network, NetworkConfig):
        if start is not None:
            raise ValueError(
                f"start={recipe.start!r} has no effect: a network is trained further from its own "
                "weights; pass its configuration instead"
            )
        _check_answers(dataset, network)
        return network
    _check(dataset, network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = create(network)
    if start is not None:
        begin_with(net, start, str(recipe.start))
    return net


def finished(run: Run, notes: Mapping[str, Any]) -> Any:
    """Complete a training and return its network, in evaluation mode.

    If the recipe asks for it, weights are averaged and rounded. The network, of whatever class, gets the
    attributes `record` and `calibration_images`.
    """
    net, dataset, recipe = run.net, run.dataset, run.recipe
    if run.average is not None:
        device = next(net.parameters()).device
        images = time_first(training_images(dataset, recipe.augmentation, STATISTICS, run.seed)).to(device)
        run.average.put(net, images, recipe.batch)
    if recipe.half:
        net.half().float()
    record = record_of(net, dataset, recipe, run.seed, run.history, notes)
    if run.average is not None:
        record["val_accuracy"] = accuracy(predict(net, dataset.x_val), dataset.y_val)
    images = time_first(dataset.x_train[:CALIBRATION]).clone()
    for name, value in (("calibration_images", images), ("record", record)):
        setattr(net, name, value)
    return net.eval()


def training_images(dataset: Dataset, augmentation: Augmentation, count: int, seed: int = 0) -> Tensor:
    """Draw up to `count` training images and transform them as in training: (n, C, H, W)."""
    generator = torch.Generator().manual_seed(seed_of(f"memsim images {seed}"))
    order = torch.randperm(len(dataset.y_train), generator=generator)
    return augmentation(dataset.x_train[order[:count]], generator)


def _check(dataset: Dataset, config: NetworkConfig) -> None:
    """Raise ValueError for data of another shape or with more classes than the network accepts."""
    if dataset.in_shape != config.in_shape or len(dataset.classes) > config.num_classes:
        ours = f"images {dataset.in_shape} of {len(dataset.classes)} classes"
        theirs = f"{config.in_shape} of {config.num_classes}"
        raise ValueError(f"{dataset.name} has {ours}, the network takes {theirs}; build it for this data set")


def _check_answers(dataset: Dataset, net: nn.Module) -> None:
    """Raise ValueError for a network that does not return logits (B, classes), tried with two images."""
    if isinstance(net, Network):
        return _check(dataset, net.config)
    ours, classes = f"{dataset.name}: images {dataset.in_shape}", len(dataset.classes)
    try:
        logits = predict(net, dataset.x_train[:2])
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ValueError(f"{ours} do not fit the network: {error}") from error
    if logits.ndim != 2 or len(logits) != len(dataset.x_train[:2]) or logits.shape[1] < classes:
        raise ValueError(
            f"{ours} of {classes} classes: the network must return logits (B, {classes}), "
            f"for 2 images it returns {tuple(logits.shape)}"
        )
