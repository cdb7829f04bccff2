"""Batch norms with statistics of each chip's own, estimated on the chip.

    y = gamma (x - mean_s) / sqrt(var_s + eps) + beta        chip s

The digital scale and shift of a norm are the chip's own anyway, so nothing is added to what an image costs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from memsim.run import Run

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class ChipNorms:
    """Every batch norm of a network on a stack of chips; the trained statistics until others are measured.

    The batch axis holds steps x chips x images (x tokens); a norm over tokens asks its parent, whose input is
    (T, S B, N, D), how many steps there are.
    """

    def __init__(self, net: nn.Module, run: Run) -> None:
        self.norms = []
        for name, norm in net.named_modules():
            if isinstance(norm, NORMS):
                one = ChipNorm(run)
                norm.register_forward_hook(one.normalise)
                net.get_submodule(name.rpartition(".")[0]).register_forward_pre_hook(one.count_steps)
                self.norms.append(one)

    def forget(self) -> None:
        """Back to the trained statistics."""
        for norm in self.norms:
            norm.statistics = None

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Inside, norms work with each batch's own statistics; after it, with those of all batches."""
        for norm in self.norms:
            norm.seen = []
        try:
            yield
            for norm in self.norms:
                norm.settle()
        finally:
            for norm in self.norms:
                norm.seen = None


class ChipNorm:
    """The statistics of one batch norm on each chip, (S, C) each."""

    def __init__(self, run: Run) -> None:
        self.run, self.steps = run, 1
        self.statistics: tuple[Tensor, Tensor] | None = None  # mean, variance
        self.seen: list[tuple[int, Tensor, Tensor]] | None = None  # of each batch: images, mean, variance

    def count_steps(self, parent: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.steps = inputs[0].shape[0]

    def normalise(self, norm: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        if self.seen is None and self.statistics is None:
            return None
        x, chips, images = inputs[0], len(self.run.chips), len(self.run.images)
        steps = len(x) // (chips * images) if x.dim() == 4 else self.steps
        by_chip = x.unflatten(0, (steps, chips, -1))  # (T, S, values, C, ...)
        if self.seen is not None:
            over = [d for d in range(by_chip.dim()) if d not in (1, 3)]
            var, mean = torch.var_mean(by_chip, over, correction=0)
            self.seen.append((images, mean, var))
        else:
            mean, var = self.statistics  # type: ignore[misc]
        gain = norm.weight * (var + norm.eps).rsqrt()  # type: ignore[operator]
        shift = norm.bias - mean * gain  # type: ignore[operator]
        shape = (1, chips, 1, -1, *[1] * (x.dim() - 2))
        return (by_chip * gain.view(shape) + shift.view(shape)).view(x.shape)

    def settle(self) -> None:
        """Mean and variance over all batches, and between them."""
        images, *moments = zip(*self.seen or (), strict=True)
        means, variances = (torch.stack(one) for one in moments)
        weight = torch.tensor(images)
        share = (weight / weight.sum()).view(-1, 1, 1).to(means.dtype)
        mean = (share * means).sum(0)
        self.statistics = mean, (share * (variances + (means - mean) ** 2)).sum(0)
