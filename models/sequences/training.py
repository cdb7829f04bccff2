"""Training of sequence networks: AdamW with warm-up and cosine schedule, on new sequences in every step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from memsim.models.mixers.network import SequenceNet
from memsim.models.sequences.task import IGNORE, Batch, Task


@dataclass(frozen=True, kw_only=True)
class SequenceRecipe:
    """Training settings.

    steps, batch, rate and clip are positive; warmup and decay are 0 or more.  Raises ValueError otherwise.
    """

    steps: int = 600
    batch: int = 32
    rate: float = 3e-3  #: peak learning rate
    warmup: int = 30  #: steps of linear warm-up
    decay: float = 0.1  #: weight decay of matrices; vectors have none
    clip: float = 1.0  #: largest norm of the gradient

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "rate", "clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} = {getattr(self, name)}: a positive number is needed")
        if not (self.warmup >= 0 and self.decay >= 0):
            raise ValueError(f"warmup = {self.warmup}, decay = {self.decay}: 0 or more is needed")

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step: linear warm-up, then a cosine down to 1 % of the peak."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


def train(
    net: SequenceNet, task: Task, recipe: SequenceRecipe | None = None, *, seed: int = 0,
    progress: Callable[[int, float], None] | None = None,
) -> SequenceNet:  # fmt: skip
    """Train a network on a task in place and return it; progress(step, loss) is called after each step.

    The seed determines the sequences only, because the initial weights of the network already exist.  Raises
    ValueError if the vocabulary of the network is smaller than that of the task.
    """
    recipe = recipe or SequenceRecipe()
    if net.config.vocabulary < task.vocabulary:
        raise ValueError(
            f"vocabulary = {net.config.vocabulary} of the network is too small: {task.name} has"
            f" {task.vocabulary} tokens"
        )
    matrices = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": recipe.decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.95))
    net.train()
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate_at(step)
        batch = task.sample(recipe.batch, seed, number=step)
        loss = loss_of(net(batch.tokens), batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), recipe.clip)
        optimizer.step()
        if progress is not None:
            progress(step, float(loss.detach()))
    return net.eval()


def loss_of(logits: Tensor, batch: Batch) -> Tensor:
    """Return the mean cross entropy [nat] of logits (B, T, V) over the positions that are evaluated."""
    return cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), ignore_index=IGNORE)


@torch.no_grad()
def accuracy(net: Callable[[Tensor], Tensor], batch: Batch) -> float:
    """Return the share of evaluated positions with a correct prediction [1]; net maps tokens to logits."""
    right = batch.right(net(batch.tokens).argmax(-1))
    return float(right.sum() / batch.asked.sum())


@torch.no_grad()
def accuracy_by(net: Callable[[Tensor], Tensor], batch: Batch, tag: str) -> dict[int, float]:
    """Return the accuracy for each value of a tag, such as "distance".

    Raises ValueError if the batch has no such tag.
    """
    if tag not in batch.tags:
        raise ValueError(
            f"tag = {tag!r} does not exist; tags of this batch: {', '.join(batch.tags) or 'none'}"
        )
    asked = batch.asked
    right, value = batch.right(net(batch.tokens).argmax(-1))[asked], batch.tags[tag][asked]
    return {int(v): float(right[value == v].double().mean()) for v in value.unique()}
