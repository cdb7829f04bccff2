"""Batch norms with statistics of each chip's own, estimated on the chip.

    y = gamma (x - mean_s) / sqrt(var_s + eps) + beta        chip s

The digital scale and shift of a norm are the chip's own anyway, so nothing is added to what an image costs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memsim.mapping.lowering.products import ArrayParameter, reads, site_of
from memsim.run import Run

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class ChipNorms:
    """Every batch norm of a network on a stack of chips; the trained statistics until others are measured.

    While statistics are a chip's own, the norm's running mean leads ``batch_norm`` to them, as an array's
    parameter leads to its reads.
    """

    def __init__(self, net: nn.Module, run: Run) -> None:
        self.norms = [
            (module, ChipNorm(f"{name}.statistics", run))
            for name, module in net.named_modules()
            if isinstance(module, NORMS) and module.running_mean is not None
        ]
        self.own = False

    def forget(self) -> None:
        """Go back to the trained statistics."""
        if self.own:
            for module, norm in self.norms:
                module._buffers["running_mean"] = module.running_mean.detach().as_subclass(Tensor)  # type: ignore[union-attr]
                norm.statistics = None
        self.own = False

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Inside, norms work with each batch's own statistics; after it, with those of all batches."""
        for _, norm in self.norms:
            norm.seen = []
        try:
            yield
            for _, norm in self.norms:
                norm.settle()
        except BaseException:
            self.forget()
            raise
        finally:
            for _, norm in self.norms:
                norm.seen = None

    def to(self, device: torch.device | str) -> None:
        """Move the chips' own statistics."""
        for _, norm in self.norms:
            if norm.statistics is not None:
                mean, variance = norm.statistics
                norm.statistics = mean.to(device), variance.to(device)

    def link(self) -> None:
        """Let every running mean lead to the chips' statistics."""
        for module, norm in self.norms:
            mean = module.running_mean.detach()  # type: ignore[union-attr]
            module._buffers["running_mean"] = ArrayParameter.of(mean, {0: norm})  # type: ignore[dict-item]
        self.own = True


class ChipNorm:
    """The statistics of one batch norm on each chip, (S, C) each."""

    def __init__(self, name: str, run: Run) -> None:
        self.name, self.run = name, run
        self.statistics: tuple[Tensor, Tensor] | None = None  # mean, variance
        self.seen: list[tuple[int, Tensor, Tensor]] | None = None  # of each batch: images, mean, variance

    def normalise(self, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Any:
        """Normalise x (N, C, ...) chip by chip; NotImplemented for the trained statistics."""
        now, chips = self.run.now, len(self.run.chips)
        parts = now.parts(self.name, x, x.dim() - 1)  # (T, S, B, P, C, ...)
        if now.probe is not None:
            return NotImplemented
        now.calls[self.name] += 1
        if parts is None or (self.seen is None and self.statistics is None):
            return NotImplemented
        if self.seen is not None:
            over = [d for d in range(parts.dim()) if d not in (1, 4)]
            var, mean = torch.var_mean(parts, over, correction=0)
            self.seen.append((len(now.images), mean.detach(), var.detach()))
        else:
            assert self.statistics is not None
            mean, var = self.statistics
        gain = (var + eps).rsqrt() if weight is None else weight * (var + eps).rsqrt()
        shift = -mean * gain if bias is None else bias - mean * gain
        shape = (1, chips, 1, 1, -1, *[1] * (x.dim() - 2))
        return (parts * gain.view(shape) + shift.view(shape)).reshape(x.shape)

    def settle(self) -> None:
        """Mean and variance over all batches, and between them."""
        images, *moments = zip(*self.seen or (), strict=True)
        means, variances = (torch.stack(one) for one in moments)
        weight = torch.tensor(images)
        share = (weight / weight.sum()).view(-1, 1, 1).to(means.dtype)
        mean = (share * means).sum(0)
        self.statistics = mean, (share * (variances + (means - mean) ** 2)).sum(0)


@reads(F.batch_norm)
def batch_norm(
    x: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Normalise with the statistics of each chip, where it has its own."""
    norm: Any = site_of(running_mean)
    return NotImplemented if norm is None or training else norm.normalise(x, weight, bias, eps)
