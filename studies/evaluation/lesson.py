"""Measurement of learning on arrays: chosen layers are reset to random weights and trained on pulsed cells.

    shared   as in `crossbars`, and "lesson": layers, rule, writing ("direct", "accumulated"), rate, momentum,
             epochs, batch, images
    own      time [s] since the end of the training on the chip (the lesson)

The weights of the layers that learn are drawn uniformly within +- 1 / sqrt(fan-in), their biases are 0, and
their norms are reset, so that nothing of the earlier training is left.  All other layers keep their weights
and stay digital.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

import memsim
from memsim import models
from memsim.devices import stream
from memsim.learning.learning_chip import learners
from memsim.learning.learning_events import WRITING_TIME
from memsim.learning.wear import wear
from memsim.learning.writing import Accumulated, Direct
from memsim.mapping.exchange import matrix_names
from memsim.models.learning.learner import Learner
from memsim.studies.evaluation import digital
from memsim.studies.evaluation.digital import Part
from memsim.studies.evaluation.execution import right, scores
from memsim.studies.evaluation.lesson_costs import (
    MOST,
    PULSE_ENERGY,
    PULSES,
    SPENT,
    TIME,
    TOTAL_ENERGY,
)
from memsim.studies.evaluation.marks import marks
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.subject import Subject
from memsim.studies.evaluation.test_data import test_data


@dataclass
class Lesson:
    """Chips after their training, with the test images and the cost of the training per chip."""

    learner: Learner
    part: Part  #: test images, labels and digital results
    end: float  #: time of the chips at the end of the training [s]
    cost: dict[str, Any] = field(default_factory=dict)  #: result of `cost`


def begun_anew(net: nn.Module, layers: Sequence[str], seed: int) -> nn.Module:
    """Return a copy of a network in which the layers that match these patterns have random initial
    weights.
    """
    net = copy.deepcopy(net)
    names = [name for name in matrix_names(net) if any(fnmatchcase(name, one) for one in layers)]
    with torch.no_grad():
        for name, module in net.named_modules():
            learned = any(fnmatchcase(name, one) for one in layers)
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and learned:
                module.reset_parameters()
            if name in names:
                weight: Any = module.weight
                drawn = stream(seed, "lesson", name).uniform(tuple(weight.shape))
                weight.copy_((2 * drawn - 1) / weight[0].numel() ** 0.5)
                if isinstance(module.bias, Tensor):
                    module.bias.zero_()
    return net


def prepare(shared: Mapping[str, Any], data: str = "data") -> Lesson:
    """Reset the layers to random weights, place them on arrays and train them."""
    lesson, name = shared["lesson"], shared["dataset"]["name"]
    net = Subject.load(shared["network"]["model"]).net
    trained = _trained(shared["network"]["model"], shared["network"]["digest"], name, shared["images"], data)
    known = models.datasets.load(name, data)
    images, labels = known.x_train[: lesson["images"]], known.y_train[: lesson["images"]]
    rate, momentum = lesson["rate"], lesson["momentum"]
    direct = lesson["writing"] == "direct"
    learner = Learner.on(
        begun_anew(net, lesson["layers"], shared["seed"]), memsim.ChipCard.parse(dict(shared["card"])),
        lesson["layers"], Direct(rate / (1 - momentum)) if direct else Accumulated(rate, momentum),
        rule=lesson["rule"], chips=tuple(shared["chips"]), seed=shared["seed"],
    )  # fmt: skip
    for _ in range(lesson["epochs"]):
        learner.epoch(images, labels, batch=lesson["batch"])
    learner.normalise(images)
    return Lesson(learner, trained.plain, learner.chip.time, cost(learner))


@lru_cache(maxsize=2)
def _trained(model: str, _: str, dataset: str, images: int, data: str) -> digital.Digital:
    """Return the digital results of a trained network; the second argument, its digest, keys the cache."""
    return digital.run(Subject.load(model).net, test_data(dataset, images=images, folder=data))


def cost(learner: Learner) -> dict[str, Any]:
    """Return the cost of the training of one chip; empty for ideal cells, which take no pulses."""
    chip, arrays = learner.chip, learners(learner.chip)
    worn = [(wear(array), array.rows * array.columns) for array in arrays.values()]
    if all(array.pulsed is None for array in arrays.values()):
        return {}
    weights, taught = sum(count for _, count in worn), chip.ledger.images / len(chip.chips)
    shown = chip.ledger.breakdown()
    pulses = sum(joule for name, joule in shown.items() if name in ("attention pulses", "attention resets"))
    time = sum(n for (_, what), n in chip.ledger.notes.items() if what == WRITING_TIME)
    out = {
        "images taught": taught,
        PULSES: sum(one.pulses * count for one, count in worn) / weights,
        MOST: max(one.most_pulses for one, _ in worn),
        PULSE_ENERGY: pulses * taught,
        TOTAL_ENERGY: chip.ledger.energy * taught,
        TIME: time / len(chip.chips),
    }
    spent = [one.spent for one, _ in worn if one.spent is not None]
    return out | ({SPENT: max(spent)} if spent else {})


def measure(prepared: Lesson, own: Mapping[str, Any]) -> Result:
    """Test the chips at a time since the lesson, with the drift compensation of the card."""
    learner, part = prepared.learner, prepared.part
    learner.chip.advance_to(prepared.end + own["time [s]"])
    logits = learner.logits(part.images)
    counted = right(logits, part)
    columns, common = scores(logits, counted, part)
    kept = {column: [marks(one) for one in rows] for column, rows in counted.items()}
    return Result(per_chip=columns, total=common | prepared.cost, marks=kept)
