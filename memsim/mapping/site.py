"""A site: one matrix of a network, the array that holds it, and the way from tensors to reads and back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from memsim.arrays.reading.unrolling import Unrolling
from memsim.mapping.matrix import Matrix
from memsim.mapping.products import digital
from memsim.run import Run


class Site:
    """One matrix of a network on its array.

    While the network is probed it notes the inputs and multiplies digitally; an input that holds no images
    (the same for all of them) is multiplied digitally always, once for all chips.
    """

    def __init__(self, name: str, matrix: Matrix, run: Run) -> None:
        self.name, self.matrix, self.run = name, matrix, run
        self.array: Any = None

    def rows(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x W^T + b of rows (..., R) -> (..., C)."""
        split = self.split(x, 1)
        if split is None:
            return digital(F.linear, x, self.matrix.part(weight), bias)
        at = self.run.now.address(self.name, len(split))
        numbers = self.array.read(split.flatten(3), at, weight)  # (T, S, B, P, C)
        return self.add(numbers.reshape(*x.shape[:-1], -1), bias).to(x.dtype)

    def maps(
        self, x: Tensor, weight: Tensor, drive: Callable[[Tensor], Tensor], unrolling: Unrolling | None, tail: int
    ) -> Tensor:
        """Read pictures (N, *tail axes): drive lays out (N, ...) as the values of an image (N, F).

        Returns (N, G, C, P) with an unrolling, else (N, G, P, C), N as it was.
        """
        split = self.split(x, tail)
        assert split is not None, "asked before"
        steps, chips, images, inner = split.shape[:4]
        by_step = split.movedim(3, 1).flatten(0, 1)  # positions of the inner axis are steps of their own
        at = self.run.now.address(self.name, len(by_step))
        numbers = self.array.read(drive(by_step.flatten(0, 2)).unflatten(0, by_step.shape[:3]), at, weight, unrolling)
        numbers = numbers.unflatten(0, (steps, inner)).movedim(1, 3)
        return numbers.reshape(steps * chips * images * inner, *numbers.shape[4:])

    def split(self, x: Tensor, tail: int) -> Tensor | None:
        """x (..., *tail axes) as (T, S, B, P, *tail axes); None where it is to be multiplied digitally."""
        now, chips = self.run.now, len(self.run.chips)
        if now.probe is not None:
            now.probe.note(self.name, x, tail)
            return None
        layout = now.layout(self.name)
        if layout is None:
            return None
        try:
            parts = layout.split(x.to(self.run.dtype), chips * len(now.images), tail)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        return parts.unflatten(1, (chips, len(now.images)))

    def digitally(self, x: Tensor, tail: int) -> bool:
        """Whether a call is to be multiplied digitally; noted where the network is probed."""
        now = self.run.now
        if now.probe is not None:
            now.probe.note(self.name, x, tail)
            return True
        return now.layout(self.name) is None

    def add(self, out: Tensor, bias: Tensor | None) -> Tensor:
        """Add a bias after the ADC, digitally."""
        if bias is None:
            return out
        if not self.run.calibrating:
            self.run.ledger.add(self.name, "digital-add", out.numel())
        return out + bias.to(out.dtype)

    def macs(self, x: Tensor, weight: Tensor) -> float:
        """Multiply-accumulates of one call with x, an input of this site."""
        groups, rows, columns = self.matrix.shape(weight)
        return math.prod(x.shape) / rows * columns if self.matrix.form != "convolution" else math.nan


def gather(x: Tensor) -> Tensor:
    """(N, ...) as (N, F)."""
    return torch.flatten(x, 1)
