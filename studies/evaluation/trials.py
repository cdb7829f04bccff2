"""Trials: the network of a task on its programmed chips, and its digital run, once in a process."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor

import memsim
from memsim import models
from memsim.models.registry import relative, tuned
from memsim.models.training.recipe import augmentation_of
from memsim.models.training.train import training_images
from memsim.studies.evaluation import digital
from memsim.studies.evaluation.execution import Trial, execute
from memsim.studies.evaluation.map_agreement import DigitalMaps
from memsim.studies.evaluation.net_file import NetFile
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.evaluation.subject import Subject, file_digest, network_form
from memsim.studies.evaluation.test_data import TestData, test_data
from memsim.studies.evaluation.variants import variant

RETRAINED = {"trained": relative, "tuned": tuned}
"""Changes that exchange the training, and the network that is loaded for them."""


def shared_of(
    setting: Setting,
    chips: Sequence[int],
    *,
    card: memsim.ChipCard | None,
    change: Mapping[str, Any] | None,
    engine: str,
) -> dict[str, Any]:
    """Return the ``shared`` of a task, as `crossbars.crossbars` says."""
    change = dict(change or {})
    network = network_form(setting, change, _others(setting.model, change))
    name = setting.dataset or _trained_on(setting.model, setting.net, file_digest(setting.model))
    data = test_data(name, images=setting.images, folder=setting.data)
    out = {
        "network": network,
        "engine": engine,
        "chips": list(chips),
        "dataset": {"name": name, "digest": _content(data)},
        "images": data.images,
    }
    if engine == "digital":  # no chip: no card, no seed
        return out
    return out | {"card": dict(setting.card) if card is None else dump(card), "seed": setting.seed}


def _others(model: str, change: Mapping[str, Any]) -> list[str]:
    """Return networks that are loaded besides, for a change that exchanges the training."""
    return [find(model, change[key]) for key, find in RETRAINED.items() if key in change]


@lru_cache(maxsize=8)
def _trained_on(model: str, net: NetFile | None, _: str) -> str:
    """Return the data set a setting's network was trained on."""
    return Subject.of(Setting(model=model, net=net)).on(None)


@lru_cache(maxsize=4)
def _content(data: TestData) -> str:
    return data.digest


def prepare(shared: Mapping[str, Any], data: str = "data") -> Trial:
    """Build, program and calibrate the chips of a task; ValueError for a network or data that has changed."""
    network, dataset, images = shared["network"], shared["dataset"], shared["images"]
    setting = _setting(network)
    if network_form(setting, network["change"], _others(setting.model, network["change"])) != network:
        raise ValueError(
            f"{network['model']}: its file is not the one this task was made for; start the study anew"
        )
    source = test_data(dataset["name"], images=images, folder=data)
    if (_content(source), source.images) != (dataset["digest"], images):
        raise ValueError(
            f"{dataset['name']}: its test images are not those this task was made for; another --data folder?"
        )
    engine = shared["engine"]
    card = None if engine == "digital" else memsim.ChipCard.parse(dict(shared["card"]))
    unchanged = json.dumps({**network, "change": {}}, sort_keys=True)
    dtype = torch.float64 if card is not None and card.ideal else torch.float32
    reference = _digital(unchanged, dataset["name"], dataset["digest"], images, data, dtype)
    subject = Subject.of(setting)
    net = variant(setting.model, network["change"], data) if network["change"] else subject.net
    retrained = any(key in network["change"] for key in RETRAINED)
    if card is None:
        return Trial(reference, [0], changed=net, engine=engine, retrained=retrained)
    chip = memsim.to_crossbar(
        net, card, chips=shared["chips"], seed=shared["seed"], engine=engine,
        calibration=calibration(subject, source, own=getattr(net, "calibration_images", None)),
        batch_axis=source.batch_axis,
    )  # fmt: skip
    own = subject.dataset if source.named and subject.dataset else dataset["name"]
    return Trial(
        reference, list(shared["chips"]), chip.program(), engine=engine, retrained=retrained,
        training=partial(_training, own, data, _record(net) or _record(subject.net)),
        seen=partial(_seen, unchanged, dataset["name"], dataset["digest"], images, data, dtype),
    )  # fmt: skip


def _setting(network: Mapping[str, Any]) -> Setting:
    """Return the network of a task as a setting names it."""
    return Setting(model=network["model"], net=NetFile(**network["file"]) if "file" in network else None)


def calibration(subject: Subject, data: TestData, *, own: Tensor | None) -> Tensor | None:
    """Training inputs that set the converters' ranges: those given with the network where it runs on the data
    it was trained on, or is a user's own; else those of the data.
    """
    if data.whole is not None and models.is_own(data.whole, subject.net):
        return own
    if subject.dataset is None and subject.calibration is not None:
        return subject.calibration
    return None if data.training is None else data.laid_out(data.training)


def _record(net: torch.nn.Module) -> Mapping[str, Any]:
    """Return the training record of a network; empty for a user's own."""
    return net.record if isinstance(net, models.Network) else {}


def _training(dataset: str, data: str, record: Mapping[str, Any], count: int) -> Tensor | None:
    """Training images, transformed as the network's record says; None for none."""
    if not count:
        return None
    return training_images(models.datasets.load(dataset, data), augmentation_of(record), count)


def measure(prepared: Trial, own: Mapping[str, Any]) -> Result:
    """Run all test images at a time and with a compensation."""
    return execute(
        prepared,
        own["time [s]"],
        compensation=own.get("compensation"),
        recalibrate=own.get("recalibrate", 0),
        maps=own.get("maps", 0),
    ).result


@lru_cache(maxsize=2)
def _digital(
    network: str, dataset: str, _: str, images: int, data: str, dtype: torch.dtype
) -> digital.Digital:
    """Return the digital run of an unchanged network of that content, on a data set of that content."""
    subject = Subject.of(_setting(json.loads(network)))
    return digital.run(subject.net, test_data(dataset, images=images, folder=data), dtype)


@lru_cache(maxsize=2)
def _seen(
    network: str, dataset: str, _: str, images: int, data: str, dtype: torch.dtype, count: int
) -> DigitalMaps | None:
    """Return the digital maps of the unchanged network, for the first test images; None where it has none."""
    source = test_data(dataset, images=images, folder=data)
    x, labels = source.sets[source.name]
    net = Subject.of(_setting(json.loads(network))).net
    return DigitalMaps.of(net, x[:count], labels[:count], source.batch_axis, dtype)
