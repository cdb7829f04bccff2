"""A linear read-out with spare columns that learn by perforated backpropagation or as a hidden layer.

    o = W x + A h,   h = tanh(U x),   where the last component of x is always 1

W and U have the same rows, so U can use a few spare columns of the array that holds W; A is a small second
array.  The sum of A h and W x and the tanh are computed digitally.
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
ROOM = 4.0  #: range of a weight divided by the largest initial weight


class SpareColumns(nn.Module):
    """Linear read-out of F features for C classes with D spare columns.

    The output (B, C + D) is the logits followed by h.  The inputs of the columns are detached, so no error
    flows through them to earlier layers.
    """

    def __init__(self, features: int, classes: int, columns: int) -> None:
        super().__init__()
        self.classes, self.columns = classes, columns
        self.soma = nn.Linear(features + 1, classes, bias=False)
        if columns:
            self.dendrites = nn.Linear(features + 1, columns, bias=False)
            self.joints = nn.Linear(columns, classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits and outputs of the columns (..., C + D) for features (..., F)."""
        x = pad(x, (0, 1), value=1.0)
        if not self.columns:
            return self.soma(x)
        h = self.dendrites(x.detach()).tanh()
        return torch.cat([self.soma(x) + self.joints(h), h], -1)

    def begin(self, seed: int, joints: bool) -> None:
        """Draw all weights uniformly within +- 1 / sqrt(F + 1); without `joints`, those of A are 0."""
        bound = self.soma.in_features**-0.5
        with torch.no_grad():
            for name, weight in self.named_parameters():
                drawn = stream(seed, "spare columns", name).uniform(tuple(weight.shape))
                weight.copy_((2 * drawn - 1) * bound)
            if self.columns and not joints:
                self.joints.weight.zero_()


@dataclass
class SpareLesson:
    """Training of a read-out with spare columns on one chip, from features (N, F) and labels (N,).

    spare = "none": trains W only.  "ordinary": trains W, A and U together, with errors backpropagated through
    A to the columns.  "perforated": trains W; then U, to correlate with the errors of the neurons of its
    columns; then W and A, in which each column has one weight, to its neuron.  "random": like "perforated",
    but U keeps its random initial weights.
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
        """Create a read-out on arrays of the card's attention cells.

        Its initial weights depend on seed + chip.  Raises ValueError for columns = 0 unless spare = "none",
        for other numbers of columns with "none", and if columns is not a multiple of classes.
        """
        if (spare == "none") != (columns == 0):
            raise ValueError(
                f"columns = {columns} with spare = {spare!r}: 'none' needs 0 columns, all others 1 or more"
            )
        owners(columns, classes)
        net = SpareColumns(features, classes, columns)
        net.begin(seed + chip, joints=spare == "ordinary")
        learner = Learner.on(
            net, card, ["*"], writing, rule="bptt", chips=(chip,), seed=seed, calibration=calibration,
            design=LearningDesign(room=ROOM),
        )  # fmt: skip
        return cls(learner, spare, columns, classes)

    def teach(self, x: Tensor, y: Tensor, epochs: int, batch: int = 32) -> None:
        """Train in three parts of `epochs` epochs each; perforated columns are trained in the second part.

        With spare = "random" nothing is trained in the second part, which makes it the control.
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
        """Return the mean cross-entropy over images, summed over chips."""
        logits = out[..., : self.classes]
        return cross_entropy(logits.flatten(0, 1), y.repeat(len(out)), reduction="sum") / len(y)

    def _residual(self, out: Tensor, y: Tensor) -> Tensor:
        """Return the loss of perforated columns: minus the sum of their correlations with the errors."""
        errors = delta_rule.error(out[..., : self.classes], y.expand(len(out), -1)) * len(y)
        return -correlation(out[..., self.classes :], errors[..., owners(self.columns, self.classes)]).sum()

    def logits(self, x: Tensor) -> Tensor:
        """Return logits (1, B, C) for features x (B, F); nothing is entered into the ledger."""
        return self.learner.logits(x)[..., : self.classes]
