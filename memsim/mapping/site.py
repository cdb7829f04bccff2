"""A site: one matrix of a network, the array that holds it, and the way from tensors to reads and back."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from memsim.arrays.reading.unrolling import Unrolling
from memsim.mapping.matrix import Matrix
from memsim.mapping.products import digital
from memsim.run import Address, Run


class Site:
    """One matrix of a network on its array, for one stack of chips.

    While the network is probed it notes its inputs and multiplies digitally.  An input that is the same for
    all images is always multiplied digitally, once.
    """

    def __init__(self, name: str, matrix: Matrix, run: Run) -> None:
        self.name, self.matrix, self.run = name, matrix, run
        self.array: Any = None

    def rows(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x W^T + b of rows (..., R) -> (..., C)."""
        x = x.to(self.run.dtype)
        parts = self.parts(x, 1, x.numel() * self.matrix.shape(weight)[2])
        if parts is None:
            return digital(F.linear, x, self.matrix.part(weight), bias)
        at = self.run.now.address(self.name, len(parts))
        numbers = self.multiply(parts.flatten(3), at, None, weight)  # (T, S, B, P, C)
        return self.add(numbers.reshape(*x.shape[:-1], -1).contiguous(), bias).to(x.dtype)

    def parts(self, x: Tensor, tail: int, macs: float) -> Tensor | None:
        """x (..., *tail axes) as (T, S, B, P, *tail axes); None where it is to be multiplied digitally.

        macs: multiply-accumulates of this call.  Raises ValueError for rows that the layout does not have.
        """
        now, chips = self.run.now, len(self.run.chips)
        if now.probe is not None:
            now.probe.note(self.name, x, tail, macs)
            return None
        layout = now.layout(self.name)
        if layout is None:
            return None
        try:
            parts = layout.split(x, chips * len(now.images), tail)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        return parts.unflatten(1, (chips, len(now.images)))

    def multiply(self, drive: Tensor, at: Address, unrolling: Unrolling | None, weight: Tensor) -> Tensor:
        """Read the array; gradients reach the parameter where the pass is one of a training."""
        if not self.run.now.learning:
            return self.array.read(drive, at, unrolling)
        return self.array.read(drive, at, unrolling, digital(self.matrix.blocks, weight))

    def read(self, drive: Tensor, unrolling: Unrolling | None, weight: Tensor) -> Tensor:
        """Read pictures laid out as (T, S, B, P, F), each P a step of its own; -> (T, S, B, P, ...)."""
        steps, inner = drive.shape[0], drive.shape[3]
        by_step = drive.movedim(3, 1).flatten(0, 1)
        at = self.run.now.address(self.name, len(by_step))
        numbers = self.multiply(by_step, at, unrolling, weight)
        return numbers.unflatten(0, (steps, inner)).movedim(1, 3)

    def add(self, out: Tensor, bias: Tensor | None) -> Tensor:
        """Add a bias after the ADC, digitally."""
        if bias is None:
            return out
        if not self.run.calibrating:
            self.run.ledger.add(self.name, "digital-add", out.numel())
        return out + bias.to(out.dtype)
