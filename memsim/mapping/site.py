"""A site: one matrix of a network, the array that holds it, and the way from tensors to reads and back."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from memsim.arrays.reading.bias_rows import as_maps, with_drives
from memsim.arrays.reading.unrolling import Unrolling
from memsim.mapping.lowering.matrix import Matrix
from memsim.mapping.lowering.products import digital
from memsim.run import Run


class Site:
    """One matrix of a network on its array, for one stack of chips.

    While the network is probed it notes its inputs and multiplies digitally.  An input that is the same for
    all images is always multiplied digitally, once.
    """

    def __init__(self, name: str, matrix: Matrix, run: Run, weight: Tensor, bias: Tensor | None) -> None:
        self.name, self.matrix, self.run = name, matrix, run
        self.bias, self.bias_rows = bias, 0 if bias is None else run.card.weights.bias_rows
        self.dtype, self.shape, self.columns = run.dtype, weight.shape, matrix.shape(weight)[2]
        self.array: Any = None

    def rows(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x W^T + b of rows (..., R) -> (..., C)."""
        x = x.to(self.dtype)
        now = self.run.now
        parts = now.parts(self.name, x, 1, x.numel() * self.columns)
        if parts is None:
            return digital(F.linear, x, self.matrix.part(weight), bias)
        if now.learning or self.bias_rows:
            numbers = self.multiply(parts, None, weight, bias)
        else:
            numbers = self.array.read(parts, now.address(self.name, parts.shape[0]))  # (T, S, B, P, C)
        out = numbers.reshape(*x.shape[:-1], -1).contiguous()
        if bias is not None and not (self.bias_rows and self.holds(bias)):
            out = self.add(out, bias)
        return out.to(x.dtype)

    def holds(self, bias: Tensor) -> bool:
        """Return whether the array's rows hold this bias."""
        return self.bias is not None and bias.data_ptr() == self.bias.data_ptr()

    def multiply(
        self, drive: Tensor, unrolling: Unrolling | None, weight: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        """Read the array; gradients reach the parameter where the pass is one of a training."""
        now = self.run.now
        if self.bias_rows:
            return self._with_bias(drive, unrolling, bias)
        at = now.address(self.name, drive.shape[0])
        if not now.learning:
            return self.array.read(drive, at, unrolling)
        return self.array.read(drive, at, unrolling, digital(self.matrix.blocks, weight))

    def _with_bias(self, drive: Tensor, unrolling: Unrolling | None, bias: Tensor | None) -> Tensor:
        """Read vectors of all rows, those of the biases driven where `bias` is theirs."""
        at, groups = self.run.now.address(self.name, drive.shape[0]), self.matrix.groups
        rows = self.array.rows - self.bias_rows
        driven = bias is not None and self.holds(bias)
        vectors = with_drives(drive, unrolling, rows, groups, self.bias_rows, float(driven))
        numbers = self.array.read(vectors, at)
        return numbers if unrolling is None else as_maps(numbers, groups)

    def read(
        self, drive: Tensor, unrolling: Unrolling | None, weight: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        """Read pictures laid out as (T, S, B, P, F), each P a step of its own; -> (T, S, B, P, ...)."""
        steps, inner = drive.shape[0], drive.shape[3]
        if inner == 1:
            return self.multiply(drive.squeeze(3), unrolling, weight, bias).unsqueeze(3)
        numbers = self.multiply(drive.movedim(3, 1).flatten(0, 1), unrolling, weight, bias)
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
