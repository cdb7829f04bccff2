"""Measurement of heads with spare columns, trained on each chip with the features of a fixed network body.

shared   as in `crossbars`, and "shown": images "as trained", or "mirrored" about the diagonal
own      spare (how the spare columns learn, see `SpareLesson`), columns (their number)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import memsim
from memsim import models
from memsim.learning.writing import Accumulated
from memsim.models.learning.dendrites import SpareLesson
from memsim.studies.evaluation import lesson
from memsim.studies.evaluation.digital import Part
from memsim.studies.evaluation.execution import right, scores
from memsim.studies.evaluation.marks import marks
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.subject import Subject

RATE, MOMENTUM, EPOCHS, BATCH = 0.03, 0.9, 6, 32  #: EPOCHS is for each of three parts of the training
TAUGHT = 1200  #: largest number of training images


@dataclass
class Features:
    """Inputs of the head of a network for training and test images."""

    shared: Mapping[str, Any]
    taught: Tensor  #: features of the training images (N, F)
    labels: Tensor  #: labels of the training images (N,)
    asked: Part  #: features of the test images, with labels and logits of the original network


def prepare(shared: Mapping[str, Any], data: str = "data") -> Features:
    """Run the body of the network on training and test images."""
    net: Any = Subject.load(shared["network"]["model"]).net
    known = models.datasets.load(shared["dataset"]["name"], data)
    shown = (lambda x: x.mT) if shared["shown"] == "mirrored" else (lambda x: x)
    taught, _ = body(net, shown(known.x_train[:TAUGHT]))
    asked, logits = body(net, shown(known.x_test[: shared["images"]]))
    part = Part(asked, known.y_test[: shared["images"]], logits)
    return Features(shared, taught, known.y_train[:TAUGHT], part)


@torch.no_grad()
def body(net: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the inputs (N, F) and the outputs (N, C) of the head of a network for images."""
    seen: list[Tensor] = []
    head: Any = net.head
    hook = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    answers = [net(part) for part in images.split(128)]
    hook.remove()
    return torch.cat(seen), torch.cat(answers)


def measure(prepared: Features, own: Mapping[str, Any]) -> Result:
    """Train one head for each chip and test it."""
    shared, x, part = prepared.shared, prepared.taught, prepared.asked
    card = memsim.ChipCard.parse(dict(shared["card"]))
    logits, costs = [], []
    for chip in shared["chips"]:
        taught = SpareLesson.on(
            card, own["spare"], own["columns"], x.shape[1], part.logits.shape[1], Accumulated(RATE, MOMENTUM),
            chip=chip, seed=shared["seed"],
        )  # fmt: skip
        taught.teach(x, prepared.labels, EPOCHS, BATCH)
        logits.append(taught.logits(part.images)[0])
        costs.append(lesson.cost(taught.learner))
    counted = right(torch.stack(logits), part)
    columns, common = scores(torch.stack(logits), counted, part)
    kept = {column: [marks(one) for one in rows] for column, rows in counted.items()}
    mean = {name: sum(one[name] for one in costs) / len(costs) for name in costs[0]}
    return Result(per_chip=columns, total=common | mean, marks=kept)
