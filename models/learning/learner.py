"""Training on arrays: images are processed by the chips, and gradients are written as pulses.

Each batch is one forward pass on all chips, one backward pass, and one update of every array.  The backward
pass is digital and uses the weights that the devices represent (symmetric feedback).  Its energy and time are
not counted.
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
"""Number of training images for the statistics of batch norms, which are estimated at the start and after
every epoch.
"""
TEST_NAME = 2**30
"""First identifier of test images, so that their noise differs from that of training images."""


@dataclass
class Learner:
    """Chips that learn from images.

    writing: method of writing gradients; step: time by which the clock of the chip advances per batch [s].
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
        """Place layers on arrays, as `learning_chip` does, program them, and return the learner.

        rule: "bptt" is backpropagation through time; "e-prop" propagates errors within one time step and
        filters the inputs of the arrays with the decay of the neurons.  Raises ValueError for another rule,
        and with "e-prop" for networks without LIF neurons or with different decays.
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
        """Train on all images once, in an order given by the seed; return the mean cross-entropy [nat].

        images (N, ...), labels (N,) int64.
        """
        parts = self.order(len(images), batch)
        self.calibrate()
        losses = [self.batch(images[part], labels[part]) for part in parts]
        return sum(losses) / len(losses)

    def order(self, images: int, batch: int) -> tuple[Tensor, ...]:
        """Return the batches of the next epoch as indices of images, in an order given by the seed."""
        number = self.batches // max(images // batch, 1)
        return (
            stream(self.seed, "learning", "order").uniform((images,), step=[number])[0].argsort().split(batch)
        )

    def batch(self, images: Tensor, labels: Tensor) -> float:
        """Train on one batch and return its mean cross-entropy over images and chips [nat]."""
        arrays = learners(self.chip)

        def wrong(logits: Tensor) -> Tensor:
            found = cross_entropy(logits.flatten(0, 1), labels.repeat(len(logits)), reduction="sum")
            return found / len(images)  # summed over chips, because each chip has its own gradients

        return self.descend(images, wrong, arrays)

    def descend(
        self, images: Tensor, loss: Callable[[Tensor], Tensor], arrays: Mapping[str, LearningArray],
        taught: Mapping[str, Tensor] | None = None,
    ) -> float:  # fmt: skip
        """Take one step of gradient descent with these arrays and return the loss, averaged over chips.

        loss: function of the outputs (S, B, ...) of the chips, summed over chips.  taught: name of an array
        -> mask (R, C) of the weights that are trained (1) or not (0); default: all weights are trained.
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
        """Calibrate the converter ranges for the present weights, if the card has ranges to calibrate."""
        if self.chip.card.calibrates:
            for array in learners(self.chip).values():
                array.forget_ranges()
            self.chip.calibrate()

    @torch.no_grad()
    def normalise(self, images: Tensor) -> None:
        """Estimate the statistics of every batch norm on each chip from the first `NORMS` images."""
        self.chip.recalibrate(images[:NORMS])

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Return logits (S, B, classes) at the present time of the chip; nothing enters the ledger."""
        with self.chip.ledger.apart():
            parts = [
                self.chip(part, image=range(TEST_NAME + 64 * number, TEST_NAME + 64 * number + len(part)))
                for number, part in enumerate(images.split(64))
            ]
        return torch.cat(parts, 1)
