"""What most studies measure: a network on a block of simulated chips, beside its one digital run.

    shared   network (name, digest of its file, change), dataset (name, digest), images, engine, chips,
             card, seed
    own      time [s] since programming, compensation (None: the card's), recalibrate (how many training
             images re-estimate the batch norms at that time; absent: none)

The chips are programmed once for all tasks that share them.  The digital network is run once in a process;
agreement and spike mismatch are against it, whatever the study changed; of another training no spike can be
compared.  Ideal cells and engine aihwkit have no energy and no latency: these are absent, not 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import memsim
from memsim import models
from memsim.arrays.writing.write_events import SILENT_PULSES
from memsim.energy import baselines
from memsim.energy.digital_work import DigitalWork
from memsim.models.measures import cross_entropy, margin
from memsim.models.registry import relative, tuned
from memsim.models.training.train import CALIBRATION, RECIPES, Recipe, training_images
from memsim.studies.evaluation.comparison import HARDER, most_worn, priced
from memsim.studies.evaluation.taps import Taps, pack
from memsim.studies.evaluation.variants import file_digest, variant
from memsim.studies.reports import draw
from memsim.studies.running.study import Setting
from memsim.studies.running.task import digest

tables, figures = draw.tables, draw.figures  # for studies that define none

RETRAINED = {"trained": relative, "tuned": tuned}
"""Changes that exchange the training, and the network that is loaded for them."""

PASS = 128
"""Chips times images in one pass: so many fit the caches; results do not depend on it."""


def crossbars(
    setting: Setting,
    chips: Sequence[int],
    *,
    card: memsim.ChipCard | None = None,
    change: Mapping[str, Any] | None = None,
    engine: str = "memsim",
) -> dict[str, Any]:
    """The ``shared`` of a task: this network (changed, where `change` says so) on these chips.

    card: instead of the setting's; change: what ``memsim.studies.evaluation.variants.variant`` makes of the
    network; engine: "memsim", or "digital" where the changed network itself is to be measured, chips then
    being [0].
    """
    file = _network_digest(setting.model, change or {})
    dataset = setting.dataset or _own_dataset(setting.model, file_digest(setting.model))
    content, count = test_images(dataset, setting.images, setting.data)
    shared = {
        "network": {"model": setting.model, "digest": file, "change": dict(change or {})},
        "engine": engine,
        "chips": list(chips),
        "dataset": {"name": dataset, "digest": content},
        "images": count,
    }
    if engine == "digital":  # no chip: no card, no seed
        return shared
    return shared | {"card": setting.card if card is None else dump(card), "seed": setting.seed}


@lru_cache(maxsize=8)
def _own_dataset(model: str, _: str) -> str:
    """The data set a network was trained on."""
    return models.load(model).record["dataset"]


@lru_cache(maxsize=4)
def test_images(dataset: str, images: int | None, data: str) -> tuple[str, int]:
    """Digest and number of the test images and labels, and of the images that may set converters' ranges."""
    source = models.datasets.load(dataset, data)
    parts = (source.x_test[:images], source.y_test[:images], source.x_train[:CALIBRATION])
    whole = sha256(b"".join(part.contiguous().numpy().tobytes() for part in parts))
    return whole.hexdigest()[:16], len(parts[0])


def dump(card: memsim.ChipCard) -> dict[str, Any]:
    """A card as JSON values, sets sorted: the same card gives the same text."""
    fields = card.model_dump(mode="json", by_alias=True)
    return {key: sorted(value) if isinstance(value, list) else value for key, value in fields.items()}


def _network_digest(model: str, change: Mapping[str, Any]) -> str:
    """The digest of every checkpoint a task uses: the network's, and that of a relative or a tuned one."""
    others = [f(model, change[key]) for key, f in RETRAINED.items() if key in change]
    return digest([file_digest(name) for name in (model, *others)]) if others else file_digest(model)


@dataclass
class Prepared:
    """A network on its chips, programmed, and the digital run beside it."""

    net: nn.Module
    chip: memsim.Chip | None
    chips: list[int]
    digital: Digital
    retrained: bool = False  #: another training than the digital run's: spikes cannot be compared
    priced: bool = False  #: its events are counted and have prices
    training: Callable[[int], Tensor | None] = lambda count: None  #: so many images as it was trained on


def prepare(shared: Mapping[str, Any], data: str = "data") -> Prepared:
    """Build, program and calibrate the chips of a task; ValueError for a network file that has changed."""
    network, dataset, images = shared["network"], shared["dataset"], shared["images"]
    if _network_digest(network["model"], network["change"]) != network["digest"]:
        raise ValueError(
            f"{network['model']}: its file is not the one this task was made for; start the study anew"
        )
    if test_images(dataset["name"], images, data) != (dataset["digest"], images):
        raise ValueError(
            f"{dataset['name']}: its test images are not those this task was made for; another --data folder?"
        )
    digital = digital_run(network["model"], file_digest(network["model"]), dataset["name"], images, data)
    net = variant(network["model"], network["change"], data)
    retrained = any(key in network["change"] for key in RETRAINED)
    if shared["engine"] == "digital":
        return Prepared(net, None, [0], digital, retrained)
    card = memsim.ChipCard.parse(dict(shared["card"]))
    foreign = digital.calibration if digital.foreign else None
    chip = memsim.to_crossbar(
        net, card, chips=shared["chips"], seed=shared["seed"], engine=shared["engine"], calibration=foreign
    )
    counted = priced(shared["engine"], card)
    source = partial(_training, net.record["dataset"], data)
    return Prepared(net, chip.program(), list(shared["chips"]), digital, retrained, counted, source)


def _training(dataset: str, data: str, count: int) -> Tensor | None:
    """Training images, augmented where training was; None for none."""
    if not count:
        return None
    return training_images(models.datasets.load(dataset, data), RECIPES.get(dataset, Recipe()), count)


@torch.no_grad()
def measure(prepared: Prepared, own: Mapping[str, Any]) -> dict[str, Any]:
    """Run all test images at a time and with a compensation; columns of the result have one value a chip."""
    chip, digital = prepared.chip, prepared.digital
    if chip is not None:
        chip.advance_to(own["time [s]"], compensation=own.get("compensation"))
        spent = chip.recalibrate(prepared.training(own.get("recalibrate", 0)))
        chip.ledger.clear()
    result: dict[str, Any] = {"chips": prepared.chips}
    mismatch = np.zeros((2, len(prepared.chips)))
    for name, part in digital.sets.items():
        plain = name == digital.name
        if chip is not None:
            chip.ledger.open = plain
        logits = _run(prepared, part, mismatch if plain and not prepared.retrained else None)
        prefix = "" if plain else "harder "
        result |= _scores(logits, part, prefix)
    if not prepared.retrained:
        result["spike mismatch [1]"] = (mismatch[0] / mismatch[1]).tolist()
    if chip is not None and prepared.priced:
        result |= _costs(chip)
        result["recalibration energy [J]"] = spent["energy [J]"]
        result["digital energy [J]"] = baselines.energies(digital.work.works, chip.card)
    return result


def _costs(chip: memsim.Chip) -> dict[str, Any]:
    """What an image costs a chip in energy, time, pulses and wear, and what keeping it fresh cost."""
    arrays, worn = (*chip.weight_arrays.values(), *chip.attention_arrays.values()), most_worn(chip)
    return {
        "energy [J]": chip.ledger.energy,
        "breakdown [J]": chip.ledger.breakdown(),
        "latency [s]": chip.ledger.latency,
        "pulses": chip.ledger.number("pulse"),
        "silent pulses": chip.ledger.noted(SILENT_PULSES),
        "attention devices": sum(a.wear.device_count for a in chip.attention_arrays.values()),
        "attention cycles": 0.0 if worn is None else worn.cycles,
        "silent cycles": 0.0 if worn is None else worn.silent_cycles,
        "kappa [1]": max((a.kappa for a in arrays), default=0.0),
        "upkeep": chip.upkeep,
    }


def _run(prepared: Prepared, part: Part, mismatch: np.ndarray | None) -> Tensor:
    """Logits (S, B, classes) of a test set; mismatch (2, S) takes spikes that differ, and all spikes."""
    chip, count = prepared.chip, len(prepared.chips)
    net: Any = prepared.net if chip is None else chip.net
    out = []
    for ids in part.batches(count):
        with Taps(net if mismatch is not None else nn.Module()) as taps:
            x = part.images[ids.start : ids.stop]
            out.append(net(x)[None] if chip is None else chip(x, image=ids))
        if mismatch is not None:
            part.count_mismatch(taps.spikes, ids, mismatch)
    return torch.cat(out, 1)


def _scores(logits: Tensor, part: Part, prefix: str) -> dict[str, Any]:
    answers, labels = logits.argmax(-1), part.labels
    digital = part.logits.argmax(-1)

    def share(right: Tensor) -> list[float]:
        return right.double().mean(-1).tolist()

    return {
        f"{prefix}images": len(labels),
        f"{prefix}accuracy [1]": share(answers == labels),
        f"{prefix}agreement [1]": share(answers == digital),
        f"{prefix}cross-entropy [nat]": [cross_entropy(one, labels) for one in logits],
        f"{prefix}margin [1]": [margin(one, labels) for one in logits],
        f"{prefix}digital accuracy [1]": float((digital == labels).double().mean()),
        f"{prefix}digital cross-entropy [nat]": cross_entropy(part.logits, labels),
    }


@dataclass
class Part:
    """A test set and what the digital network made of it."""

    images: Tensor
    labels: Tensor
    logits: Tensor  #: (B, classes)
    spikes: dict[str, np.ndarray] = field(default_factory=dict)  #: layer -> (T, B, bytes), eight to a byte

    def batches(self, chips: int) -> list[range]:
        """Names of the images of each pass."""
        size, count = max(1, PASS // chips), len(self.images)
        return [range(start, min(start + size, count)) for start in range(0, count, size)]

    def count_mismatch(self, spikes: Mapping[str, Tensor], ids: range, into: np.ndarray) -> None:
        """Add to `into` (2, S), for each chip, the spikes (T, S B, ...) that differ and all that could be."""
        for layer, ours in spikes.items():
            found = ours.reshape(ours.shape[0], into.shape[1], len(ids), -1)
            differ = pack(found) ^ self.spikes[layer][:, None, ids.start : ids.stop]
            into[0] += np.bitwise_count(differ).sum((0, 2, 3), dtype=np.int64)
            into[1] += found[:, 0].numel()


@dataclass
class Digital:
    """The digital run of a network: its test sets, the plain one first, and what it counted."""

    name: str
    foreign: bool  #: not the data set the network was trained on
    calibration: Tensor
    sets: dict[str, Part]
    work: DigitalWork


@lru_cache(maxsize=2)
@torch.no_grad()
def digital_run(model: str, digest: str, dataset: str, images: int, data: str) -> Digital:
    """Run the network as it was trained (the file of that digest), digitally, on its test set and the harder
    one beside it.
    """
    net = models.load(model)
    own = net.record["dataset"]
    source = models.datasets.load(dataset, data)
    out = Digital(source.name, source.name != own, source.x_train[:CALIBRATION], {}, DigitalWork(net))
    for name in (source.name, *([HARDER[source.name]] if source.name in HARDER else [])):
        test = source if name == source.name else models.datasets.load(name)
        part = Part(test.x_test[:images], test.y_test[:images], torch.empty(0))
        logits, kept = [], []
        for ids in part.batches(1):
            with Taps(net) as taps, out.work if name == source.name else nullcontext():
                logits.append(net(part.images[ids.start : ids.stop]))
            kept.append({layer: pack(s.flatten(2)) for layer, s in taps.spikes.items()})
        part.logits = torch.cat(logits)
        if name == source.name:
            part.spikes = {layer: np.concatenate([one[layer] for one in kept], 1) for layer in kept[0]}
        out.sets[name] = part
    return out
