"""Hardware-aware training: training of a network is continued, with each batch on another simulated chip."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

import memsim
from memsim.models.datasets.dataset import Dataset, time_first
from memsim.models.measures import accuracy, predict
from memsim.models.tensor_file import digest
from memsim.models.training.recipe import Recipe, recipe_for
from memsim.models.training.train import CALIBRATION, Progress, train

TIMES = (1.0, 365.25 * 86400)
"""Range of times since the programming of a chip: one second to one year [s]."""

HARDENING: Mapping[str, Any] = {"epochs": 12, "learning_rate": 1e-3, "warmup": 0, "half": True}
"""Fields that differ from the recipe of the data set."""

N = TypeVar("N", bound=nn.Module)


def harden(
    net: N,
    dataset: Dataset,
    card: memsim.ChipCard | str = "default",
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    times: float | tuple[float, float] = TIMES,
    norms: Literal["trained", "batch"] = "trained",
    clip: float | None = 2.5,
    state: str | Path | None = None,
    metrics: str | Path | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
) -> N:
    """Return a copy of a network that was trained further, with each batch on a new chip of the card.

    In the forward pass weights are programmed, aged, compensated and read through converters; gradients use
    the straight-through estimator.  Layers that the card keeps `digital` stay exact.  The result is an
    ordinary digital network.

    recipe: default: the recipe of the data set with the changes in `HARDENING`.
    times: time since programming [s], or a range from which it is drawn log-uniformly.
    norms: batch norms keep the "trained" mean and variance, as on a chip, or use those of each "batch".
    clip: weights of a column on an array are limited to `clip` times their root mean square, because the
        largest weight sets the scale to which noise is relative.  None: no limit.
    state, metrics, progress, device: as in `train`.

    The `record` of the result names the card and the initial weights.  Raises ValueError for other `norms`, a
    `clip` that is not above 1, and data that do not fit the network.  A similar method: Joshi et al.,
    Nat.  Commun. 11, 2473 (2020).
    """
    if norms not in ("trained", "batch"):
        raise ValueError(f"norms = {norms!r}: 'trained' or 'batch'")
    if clip is not None and not clip > 1:
        raise ValueError(
            f"clip = {clip}: a value above 1 (root mean squares of a column), or None, is needed"
        )
    card = card if isinstance(card, memsim.ChipCard) else memsim.ChipCard.load(card)
    recipe = recipe or recipe_for(dataset.name).model_copy(update=dict(HARDENING))
    axis, images = 0 if dataset.steps is None else 1, time_first(dataset.x_train[:CALIBRATION])
    chip = memsim.to_crossbar(net, card, chips=1, seed=seed, calibration=images, batch_axis=axis)
    chip.to(device)
    full, rest = divmod(len(dataset.y_train), recipe.batch)
    chip.train(times=times, seed=seed, calibrate_every=full + (rest > 1))
    learner = Learner(chip, keep_norms=norms == "trained")
    about = {**_about(card), "times [s]": times, "norms": norms, "clip": clip, "from": _name(net)}

    def forward(images: Tensor, number: int) -> Tensor:
        assert chip.learning is not None
        chip.learning.batches = number  # so that a resumed training uses the same chips
        if clip is not None:
            clip_columns(chip, clip)
        first = number * recipe.batch
        return chip(images, image=range(first, first + images.shape[axis]))[0]

    train(
        dataset, learner, seed=seed, recipe=recipe, state=state, metrics=metrics, progress=progress,
        device=device, forward=forward, notes={"hardened": about},
    )  # fmt: skip
    hardened: Any = chip.digital().eval().requires_grad_(True)
    hardened.record, hardened.calibration_images = learner.record, learner.calibration_images
    return hardened


def average(nets: Sequence[N], dataset: Dataset) -> N:
    """Return a network with the mean weights of several that were trained further from the same network.

    They may be results of `harden` with several seeds.  The mean is rounded like them and has the record of
    the first, with its own accuracies.  Averaging reduces errors that the networks do not share.  Source:
    Wortsman et al., arXiv:2203.05482 (2022).
    """
    mean: Any = copy.deepcopy(nets[0])
    if len(nets) == 1:
        return mean
    states = [net.state_dict() for net in nets]
    mean.load_state_dict({
        name: torch.stack([state[name] for state in states]).mean(0) if first.is_floating_point() else first
        for name, first in states[0].items()
    })  # fmt: skip
    record = mean.record
    if record["recipe"]["half"]:
        mean.half().float()
    for part in ("val", "test"):
        images, labels = getattr(dataset, f"x_{part}"), getattr(dataset, f"y_{part}")
        record[f"{part}_accuracy"] = accuracy(predict(mean, images), labels)
    record["seeds"] = [one.record["seed"] for one in nets]  # type: ignore[index]
    return mean


def _about(card: memsim.ChipCard) -> dict[str, Any]:
    """Return the entries of a training record that describe a card."""
    return {
        "card": card.name,
        "card digest": sha256(card.model_dump_json().encode()).hexdigest()[:16],
        "weights": str(card.weights.cell),
        "attention": str(card.attention.cell),
        "compensation": card.weights.compensation,
        "effects": [effect for effect in card.effects if card.on(effect)],
    }


def _name(net: nn.Module) -> str:
    """Return a digest of 16 hexadecimal digits of the weights from which the training begins."""
    return digest(net.state_dict(), type(net).__qualname__)[:16]


@torch.no_grad()
def clip_columns(chip: memsim.Chip, clip: float) -> None:
    """Clip every weight on an array in place to +- `clip` times the root mean square of its column."""
    for array in chip.weight_arrays.values():
        limit = clip * array.blocks.square().mean(1, keepdim=True).sqrt()
        array.blocks.copy_(array.blocks.clamp(-limit, limit))


class Learner(nn.Module):
    """Wrapper that presents a chip to `train`: it has the parameters of the chip, and its forward is digital.

    keep_norms: batch norms stay in evaluation mode.
    """

    record: dict[str, Any]
    calibration_images: Tensor

    def __init__(self, chip: memsim.Chip, *, keep_norms: bool) -> None:
        super().__init__()
        self.net, self.chip, self.keep_norms = chip.net, chip, keep_norms

    def train(self, mode: bool = True) -> Learner:
        """Set the mode of every module, except of batch norms if `keep_norms` is set."""
        super().train(mode)
        for module in self.modules() if self.keep_norms else ():
            if isinstance(module, _BatchNorm):
                module.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        return self.chip.digital().eval()(images)
