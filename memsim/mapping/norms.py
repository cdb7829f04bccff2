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
            norm.seen, norm.measured = 0, None
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
        self.seen: int | None = None  # images measured until now; None: nothing is measured
        self.measured: tuple[Tensor, Tensor] | None = None  # their mean and variance

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
            self._add(len(now.images), mean, var)
        else:
            assert self.statistics is not None
            mean, var = self.statistics
        gain = (var + eps).rsqrt() if weight is None else weight * (var + eps).rsqrt()
        shift = -mean * gain if bias is None else bias - mean * gain
        shape = (1, chips, 1, 1, -1, *[1] * (x.dim() - 2))
        return (parts * gain.view(shape) + shift.view(shape)).reshape(x.shape)

    def _add(self, images: int, mean: Tensor, var: Tensor) -> None:
        """Add a batch to mean and variance over all images, in place: small tensors kept for each batch
        would lie in memory that the next batch could use again.
        """
        assert self.seen is not None
        self.seen += images
        if self.measured is None:
            self.measured = mean.detach().clone(), var.detach().clone()
            return
        (all_mean, all_var), share = self.measured, images / self.seen
        away = mean.detach() - all_mean
        all_var.lerp_(var.detach(), share).add_(away.square(), alpha=share * (1 - share))
        all_mean.add_(away, alpha=share)

    def settle(self) -> None:
        """Take mean and variance over all batches, and between them, for the chips' own.

        A norm that no image reached keeps the trained ones.
        """
        self.statistics, self.measured = self.measured, None


@reads(F.batch_norm)
def batch_norm(
    x: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Normalise with the statistics of each chip, where it has its own."""
    norm: Any = site_of(running_mean)
    return NotImplemented if norm is None or training else norm.normalise(x, weight, bias, eps)
