"""A site: one matrix of a network, the array that holds it, and the way from tensors to reads and back."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from memsim.arrays.reading.unrolling import Unrolling
from memsim.mapping.lowering.matrix import Matrix
from memsim.mapping.lowering.products import digital
from memsim.run import Run


class Site:
    """One matrix of a network on its array, for one stack of chips.

    While the network is probed it notes its inputs and multiplies digitally.  An input that is the same for
    all images is always multiplied digitally, once.
    """

    def __init__(self, name: str, matrix: Matrix, run: Run, weight: Tensor) -> None:
        self.name, self.matrix, self.run = name, matrix, run
        self.dtype, self.shape, self.columns = run.dtype, weight.shape, matrix.shape(weight)[2]
        self.array: Any = None

    def rows(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x W^T + b of rows (..., R) -> (..., C)."""
        x = x.to(self.dtype)
        now = self.run.now
        parts = now.parts(self.name, x, 1, x.numel() * self.columns)
        if parts is None:
            return digital(F.linear, x, self.matrix.part(weight), bias)
        if now.learning:
            numbers = self.multiply(parts, None, weight)
        else:
            numbers = self.array.read(parts, now.address(self.name, parts.shape[0]))  # (T, S, B, P, C)
        out = numbers.reshape(*x.shape[:-1], -1).contiguous()
        return (out if bias is None else self.add(out, bias)).to(x.dtype)

    def multiply(self, drive: Tensor, unrolling: Unrolling | None, weight: Tensor) -> Tensor:
        """Read the array; gradients reach the parameter where the pass is one of a training."""
        now = self.run.now
        at = now.address(self.name, drive.shape[0])
        if not now.learning:
            return self.array.read(drive, at, unrolling)
        return self.array.read(drive, at, unrolling, digital(self.matrix.blocks, weight))

    def read(self, drive: Tensor, unrolling: Unrolling | None, weight: Tensor) -> Tensor:
        """Read pictures laid out as (T, S, B, P, F), each P a step of its own; -> (T, S, B, P, ...)."""
        steps, inner = drive.shape[0], drive.shape[3]
        if inner == 1:
            return self.multiply(drive.squeeze(3), unrolling, weight).unsqueeze(3)
        numbers = self.multiply(drive.movedim(3, 1).flatten(0, 1), unrolling, weight)
        return numbers.unflatten(0, (steps, inner)).movedim(1, 3)

    def add(self, out: Tensor, bias: Tensor | None) -> Tensor:
        """Add a bias after the ADC, digitally, to numbers that nothing else holds."""
        if bias is None:
            return out
        if not self.run.now.calibrating:
            self.run.ledger.enter([(self.name, "digital-add", out.numel())])
        bias = bias.to(out.dtype)
        if torch.is_grad_enabled() and (out.requires_grad or bias.requires_grad):
            return out + bias
        return out.add_(bias)
