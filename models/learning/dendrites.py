"""A read-out with spare columns, whose columns learn by perforated backpropagation or as a hidden layer.

    o = W x + A h,   h = tanh(U x),   the last row of x always 1

W and U share their rows, so that U is a handful of spare columns of one array; A is a small array below.
The sums of A h and W x and the tanh are digital.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from memsim.card.chip_card import ChipCard
from memsim.devices import stream
from memsim.learning import delta_rule
from memsim.learning.learning_array import LearningArray, LearningDesign
from memsim.learning.learning_chip import learners
from memsim.learning.perforated import correlation, joined, owners
from memsim.learning.writing import Writing
from memsim.models.learning.learner import Learner

Spare = Literal["none", "random", "perforated", "ordinary"]
ROOM = 4.0  #: range of a weight over the largest one at the start


class SpareColumns(nn.Module):
    """A linear read-out of F features with D spare columns; outputs logits, and h beside them, (B, C + D).

    The columns see their features detached: no error flows through them to earlier layers.
    """

    def __init__(self, features: int, classes: int, columns: int) -> None:
        super().__init__()
        self.classes, self.columns = classes, columns
        self.soma = nn.Linear(features + 1, classes, bias=False)
        if columns:
            self.dendrites = nn.Linear(features + 1, columns, bias=False)
            self.joints = nn.Linear(columns, classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits and outputs of the columns (..., C + D) of features (..., F)."""
        x = pad(x, (0, 1), value=1.0)
        if not self.columns:
            return self.soma(x)
        h = self.dendrites(x.detach()).tanh()
        return torch.cat([self.soma(x) + self.joints(h), h], -1)

    def begin(self, seed: int, joints: bool) -> None:
        """Draw weights uniformly within 1 / sqrt(F), those of A only where asked, else 0."""
        bound = self.soma.in_features**-0.5
        with torch.no_grad():
            for name, weight in self.named_parameters():
                drawn = stream(seed, "spare columns", name).uniform(tuple(weight.shape))
                weight.copy_((2 * drawn - 1) * bound)
            if self.columns and not joints:
                self.joints.weight.zero_()


@dataclass
class SpareLesson:
    """The teaching of such a read-out on one chip, from features (N, F) and labels (N,).

    none: W alone.  ordinary: W, A and U together, errors backpropagated to the columns through A.
    perforated: W; then U, by correlation with the errors of the columns' neurons, all else kept; then W and
    A, of which each column has one weight, that of its neuron.  random: the same without the middle.
    """

    learner: Learner
    spare: Spare
    columns: int
    classes: int

    @classmethod
    def on(
        cls, card: ChipCard, spare: Spare, columns: int, features: int, classes: int, writing: Writing, *,
        chip: int = 0, seed: int = 0, calibration: Tensor | None = None,
    ) -> SpareLesson:  # fmt: skip
        """Put the read-out on arrays of the card's attention cells; it is drawn for the seed and the chip.

        Raises ValueError for spare columns without any, or for any without a use of them.
        """
        if (spare == "none") != (columns == 0):
            raise ValueError(f"columns = {columns} with spare = {spare!r}: 'none' has 0, all others some")
        owners(columns, classes)
        net = SpareColumns(features, classes, columns)
        net.begin(seed + chip, joints=spare == "ordinary")
        learner = Learner.on(
            net, card, ["*"], writing, rule="bptt", chips=(chip,), seed=seed, calibration=calibration,
            design=LearningDesign(room=ROOM),
        )  # fmt: skip
        return cls(learner, spare, columns, classes)

    def teach(self, x: Tensor, y: Tensor, epochs: int, batch: int = 32) -> None:
        """Show all features 3 x `epochs` times, in three parts of which perforated columns take the middle.

        Random ones learn nothing there, so that they are what perforated ones are without it.
        """
        for third in range(3):
            for _ in range(epochs):
                for part in self.learner.order(len(x), batch):
                    self._batch(x[part], y[part], third)

    def _batch(self, x: Tensor, y: Tensor, third: int) -> None:
        if third == 1 and self.spare == "random":
            return
        if third == 1 and self.spare == "perforated":
            self.learner.descend(x, lambda out: self._residual(out, y), self._arrays("dendrites"))
            return
        taught = None
        if self.spare == "ordinary":
            arrays = learners(self.learner.chip)
        elif self.spare == "none" or third == 0:
            arrays = self._arrays("soma")
        else:
            arrays = self._arrays("soma", "joints")
            taught = {"joints": joined(self.columns, self.classes)}
        self.learner.descend(x, lambda out: self._wrong(out, y), arrays, taught)

    def _arrays(self, *names: str) -> dict[str, LearningArray]:
        return {name: array for name, array in learners(self.learner.chip).items() if name in names}

    def _wrong(self, out: Tensor, y: Tensor) -> Tensor:
        """Mean cross-entropy over images, summed over chips."""
        logits = out[..., : self.classes]
        return cross_entropy(logits.flatten(0, 1), y.repeat(len(out)), reduction="sum") / len(y)

    def _residual(self, out: Tensor, y: Tensor) -> Tensor:
        """What the columns descend: less the sum of their correlations with their neurons' errors."""
        errors = delta_rule.error(out[..., : self.classes], y.expand(len(out), -1)) * len(y)
        return -correlation(out[..., self.classes :], errors[..., owners(self.columns, self.classes)]).sum()

    def logits(self, x: Tensor) -> Tensor:
        """Answers (1, B, C); nothing is counted."""
        return self.learner.logits(x)[..., : self.classes]
