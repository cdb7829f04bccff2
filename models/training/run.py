"""A training in progress: a network, its optimizers, its weight average and its history."""

import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor, nn

from memsim.models.datasets.dataset import Dataset, time_first
from memsim.models.measures import accuracy, predict
from memsim.models.training.average import FROM, WeightAverage
from memsim.models.training.muon import Muon, muon_matrices
from memsim.models.training.passes import Forward, pass_of
from memsim.models.training.recipe import Recipe
from memsim.models.training.teacher import loss_of

MATRIX_RATE = 0.12  #: default peak learning rate of Muon

Clock = Callable[[], float]
Optimizers = Mapping[str, torch.optim.Optimizer]


def optimizers_of(net: nn.Module, recipe: Recipe) -> Optimizers:
    """Return the optimizers of a training by name: AdamW, and Muon for matrices if the recipe asks for it.

    AdamW has weight decay for matrices only. Raises ValueError if the network has no matrices for Muon.
    """
    muon = muon_matrices(net) if recipe.optimizer == "muon" else []
    if recipe.optimizer == "muon" and not muon:
        raise ValueError(
            f"optimizer='muon' has no effect on {type(net).__name__}: it has no linear layer or convolution "
            "except the last linear layer, which AdamW trains"
        )
    taken = {id(p) for p in muon}
    rest = [p for p in net.parameters() if id(p) not in taken]
    matrices, vectors = ([p for p in rest if (p.ndim > 1) is matrix] for matrix in (True, False))
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    return {"optimizer": adamw} | ({"muon": Muon(muon, lr=recipe.matrix_rate or MATRIX_RATE)} if muon else {})


def seed_of(name: str) -> int:
    """Return the seed of the random stream with this name, a hash of the name."""
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") >> 1


class Run:
    """Training of `net`, epoch by epoch; `history` has one row for each completed epoch.

    Raises ValueError if the network does not support what the recipe asks for.
    """

    def __init__(
        self,
        net: nn.Module,
        dataset: Dataset,
        recipe: Recipe,
        seed: int,
        *,
        forward: Forward | None = None,
        teacher: nn.Module | None = None,
        clock: Clock = time.perf_counter,
    ):
        self.net, self.dataset, self.recipe, self.seed, self.clock = net, dataset, recipe, seed, clock
        self.optimizers = optimizers_of(net, recipe)
        self.through = pass_of(net, recipe, dataset, forward)
        self.loss = loss_of(recipe, teacher)
        self.average = None if recipe.average is None else WeightAverage(recipe.average)
        self.history: list[dict[str, Any]] = []
        self._rates = {name: o.param_groups[0]["lr"] for name, o in self.optimizers.items()}
        self._began = clock()

    @property
    def seconds(self) -> float:
        """Wall time of the completed epochs [s]."""
        return sum(row["wall_time [s]"] for row in self.history)

    @property
    def ended(self) -> bool:
        """Whether the last epoch is completed or the time limit is reached."""
        minutes = self.recipe.minutes
        over = minutes is not None and self.seconds >= 60 * minutes
        return over or len(self.history) >= self.recipe.epochs

    def position(self, epoch: float) -> float:
        """Return the progress of the training in epochs: by epochs or by wall time, whichever is further."""
        if self.recipe.minutes is None:
            return epoch
        spent = self.seconds + self.clock() - self._began
        return max(epoch, self.recipe.epochs * spent / (60 * self.recipe.minutes))

    def epoch(self) -> dict[str, Any]:
        """Train for one epoch, or until the time limit, and return the new row of the history.

        The row has the loss, the validation accuracy, the wall time [s] and, with a schedule of time steps,
        the latest number of steps. Raises ValueError if the loss is NaN.
        """
        number, self._began = len(self.history), self.clock()
        loss, steps = self._pass(number)
        if loss != loss:
            raise ValueError(
                f"the loss became NaN in epoch {number}: lower learning_rate={self.recipe.learning_rate}"
            )
        right = accuracy(predict(self.net, self.dataset.x_val), self.dataset.y_val)
        row = {"epoch": number, "loss": loss, "val_accuracy": right}
        row |= {} if steps is None else {"steps": steps}
        self.history.append(row | {"wall_time [s]": self.clock() - self._began})
        return self.history[-1]

    def _pass(self, epoch: int) -> tuple[float, int | None]:
        """Train on each batch once and return the mean loss and the latest number of time steps."""
        generator = torch.Generator().manual_seed(seed_of(f"memsim train {self.seed} {epoch}"))
        device = next(self.net.parameters()).device
        data = self.dataset
        order = torch.randperm(len(data.y_train), generator=generator)
        batches = [part for part in order.split(self.recipe.batch) if len(part) > 1]
        self.net.train()
        total, count, T = 0.0, 0, None
        for number, part in enumerate(batches):
            position = self.position(epoch + number / len(batches))
            if position >= self.recipe.epochs and count:
                break
            T = self.recipe.steps_at(position)
            moved = self.recipe.augmentation(data.x_train[part], generator)
            images, labels = time_first(moved).to(device), data.y_train[part].to(device)
            loss = self._step(images, labels, position, epoch * len(batches) + number, T)
            total, count = total + loss * len(part), count + len(part)
        return total / count, T

    def _step(self, images: Tensor, labels: Tensor, position: float, number: int, T: int | None) -> float:
        """Take one step with every optimizer and return the loss."""
        position = min(position, self.recipe.epochs)
        rate = self.recipe.rate(position)
        for name, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = (
                    rate if name == "optimizer" else self._rates[name] * rate / self._rates["optimizer"]
                )
        loss = self.loss(self.through(images, number, T), labels, images)
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        loss.backward()
        for optimizer in self.optimizers.values():
            optimizer.step()
        if self.average is not None and position > FROM * self.recipe.epochs:
            self.average.update(self.net)
        return float(loss.detach())
