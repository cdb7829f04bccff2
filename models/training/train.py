"""Training over surrogate gradients with a cosine schedule; each epoch depends on (seed, epoch) only, so it
can resume.
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
from memsim.models.training.metrics import write_rows
from memsim.models.training.passes import Forward
from memsim.models.training.recipe import Recipe, recipe_for
from memsim.models.training.record import record_of
from memsim.models.training.run import Clock, Run, seed_of
from memsim.models.training.state import identity_of, resume, store
from memsim.models.training.teacher import begin_with, named

CALIBRATION = 64  #: training images a network keeps, to set converter ranges with
STATISTICS = 2048  #: training images that set the norms of mean weights
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
    """Train a network and give it its `record`; the test part is used once, after the last epoch.

    network: a configuration, of which a fresh network is made from `seed`; or a network, any module of images
        (B, C, H, W), or event frames (T, B, C, H, W), -> logits (B, classes), which is trained on in place.
    state: a file where the training stands after each epoch. If it exists, training goes on from there and
        ends with the same bits as if it had never stopped (same machine and threads; with `minutes`, if the
        clock runs alike).
    metrics: a file of JSON lines, a row for each epoch, written anew after each.
    progress: called after each epoch with the epoch's row.
    clock: seconds, that wall time is measured with.
    forward: what the loss is computed through, default: the network. One that simulates hardware around the
        network's parameters makes the training hardware-aware; validation and test use the network itself.
    notes: plain values that fix `forward` (a card, a seed): part of the record and of the state's identity.

    ValueError when data and network do not fit, the recipe asks for what has no effect on the network, or the
    state belongs to another training or other data.
    """
    recipe, notes = recipe or recipe_for(dataset.name), notes or {}
    config = network if isinstance(network, NetworkConfig) else getattr(network, "config", None)
    start, teacher = (
        named(field, getattr(recipe, field), config if isinstance(config, NetworkConfig) else None)
        for field in ("start", "teacher")
    )
    identity = identity_of(dataset, network, recipe, seed, notes, start, teacher)
    torch.set_flush_denormal(True)
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
    """Return the network to train, with the weights it begins with."""
    if not isinstance(network, NetworkConfig):
        if start is not None:
            raise ValueError(
                f"start={recipe.start!r} has no effect: the network given is trained on from its own "
                "weights; pass its configuration"
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
    """Return the trained network itself, with record and calibration images: the mean of its weights, and
    rounded, where the recipe says so.

    A module of another kind gets `calibration_images` and `record` as attributes, too.
    """
    net, dataset, recipe = run.net, run.dataset, run.recipe
    if run.average is not None:
        device = next(net.parameters()).device
        images = time_first(training_images(dataset, recipe, STATISTICS, run.seed)).to(device)
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


def training_images(dataset: Dataset, recipe: Recipe, count: int, seed: int = 0) -> Tensor:
    """Draw `count` training images (all where there are fewer), moved as in an epoch: (n, C, H, W)."""
    generator = torch.Generator().manual_seed(seed_of(f"memsim images {seed}"))
    order = torch.randperm(len(dataset.y_train), generator=generator)
    return recipe.augmentation(dataset.x_train[order[:count]], generator)


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
