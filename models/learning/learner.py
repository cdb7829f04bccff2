"""Teaching arrays: images through the chips, errors back, gradients written as pulses.

A batch is one pass of its images on all chips, one backward pass, one update of every array.  The backward
pass is digital and uses the weights that the devices hold (symmetric feedback); it is not counted as work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from memsim.card.chip_card import ChipCard
from memsim.chip import Chip
from memsim.devices import stream
from memsim.learning.learning_array import LearningArray, LearningDesign
from memsim.learning.learning_chip import learners, learning_chip
from memsim.learning.writing import Writing
from memsim.models.learning.instant_lif import decay_of, instant

Rule = Literal["bptt", "e-prop"]
NORMS = 256
"""Training images that batch norms are estimated on, at the start and after every epoch."""
TEST_NAME = 2**30
"""Test images are named from here on, apart from those of training."""


@dataclass
class Learner:
    """Chips that learn from images.

    step: seconds that an update of one batch takes of the chip's clock.
    """

    chip: Chip
    writing: Writing
    seed: int = 0
    step: float = 1e-3
    batches: int = 0

    @classmethod
    def on(
        cls, net: nn.Module, card: ChipCard, layers: Sequence[str], writing: Writing, *,
        rule: Rule = "e-prop", chips: tuple[int, ...] = (0,), seed: int = 0,
        calibration: Tensor | None = None, design: LearningDesign | None = None,
    ) -> Learner:  # fmt: skip
        """Put the layers on arrays, as `learning_chip` does, and program them.

        rule: "bptt" backpropagates through the membranes; "e-prop" keeps errors in their time step and
        filters the inputs of arrays with the neurons' decay.  Raises ValueError for another.
        """
        if rule not in ("bptt", "e-prop"):
            raise ValueError(f"rule = {rule!r}: 'bptt' or 'e-prop'")
        made = instant(net) if rule == "e-prop" else net
        chip = learning_chip(
            made, card, layers, chips=chips, seed=seed, calibration=calibration, design=design
        )
        chip.program()
        chip.mapped.own_norms()
        decay = decay_of(net) if rule == "e-prop" else 0.0
        for array in learners(chip).values():
            array.listen(decay)
        return cls(chip, writing, seed)

    def epoch(self, images: Tensor, labels: Tensor, batch: int = 32) -> float:
        """Teach all images once, in an order of the seed's; returns the mean cross-entropy [nat]."""
        parts = self.order(len(images), batch)
        self.calibrate()
        losses = [self.batch(images[part], labels[part]) for part in parts]
        return sum(losses) / len(losses)

    def order(self, images: int, batch: int) -> tuple[Tensor, ...]:
        """The next epoch's batches, numbers of images in an order of the seed's."""
        number = self.batches // max(images // batch, 1)
        return (
            stream(self.seed, "learning", "order").uniform((images,), step=[number])[0].argsort().split(batch)
        )

    def batch(self, images: Tensor, labels: Tensor) -> float:
        """Teach one batch; returns its mean cross-entropy over images and chips [nat]."""
        arrays = learners(self.chip)

        def wrong(logits: Tensor) -> Tensor:
            found = cross_entropy(logits.flatten(0, 1), labels.repeat(len(logits)), reduction="sum")
            return found / len(images)  # summed over chips, each with gradients of its own

        return self.descend(images, wrong, arrays)

    def descend(
        self, images: Tensor, loss: Callable[[Tensor], Tensor], arrays: Mapping[str, LearningArray],
        taught: Mapping[str, Tensor] | None = None,
    ) -> float:  # fmt: skip
        """Move these arrays against the gradient of a loss on a batch; returns its mean over chips.

        loss: of the chips' outputs (S, B, ...), summed over chips.  taught: name of an array -> which of its
        weights (R, C) are taught (1) and which not (0); all of those that have no entry.
        """
        first = self.batches * len(images)
        with torch.enable_grad(), self.chip.mapped.norms.measuring():
            outputs = self.chip(images, image=range(first, first + len(images)))
            value = loss(outputs)
            found = torch.autograd.grad(value, [array.handle for array in arrays.values()])  # type: ignore[arg-type]
        self.batches += 1
        for (name, array), gradient in zip(arrays.items(), found, strict=True):
            if taught and name in taught:
                gradient = gradient * taught[name]
            array.time = self.chip.time + self.step
            self.writing.write(array, gradient, len(images) * array.vectors)
        self.chip.time += self.step
        return float(value.detach()) / len(outputs)

    @torch.no_grad()
    def calibrate(self) -> None:
        """Set the ranges of the arrays' converters for the weights of now, where the card has any to set."""
        if self.chip.card.calibrates:
            for array in learners(self.chip).values():
                array.forget_ranges()
            self.chip.calibrate()

    @torch.no_grad()
    def normalise(self, images: Tensor) -> None:
        """Estimate every batch norm on each chip as it is now, on the first training images."""
        self.chip.recalibrate(images[:NORMS])

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Answers (S, B, classes) at the time of the chip; nothing is counted."""
        with self.chip.ledger.apart():
            parts = [
                self.chip(part, image=range(TEST_NAME + 64 * number, TEST_NAME + 64 * number + len(part)))
                for number, part in enumerate(images.split(64))
            ]
        return torch.cat(parts, 1)
