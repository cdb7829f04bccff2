"""Reads of arrays through their lines, by the cheapest way that is accurate enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from memsim.wires.blocks import eliminate
from memsim.wires.effective import effective
from memsim.wires.ladder import bit_ladder, word_ladder
from memsim.wires.lines import Lines, network
from memsim.wires.nodes import MOST_SWEEPS, sweeps_for
from memsim.wires.sweeps import sweep_currents

Method = Literal["ladder", "sweeps", "blocks"]

EXACT = 1e-13
"""Accuracy of a read that counts as exact, see :meth:`WiredArray.read` [1]."""


@dataclass(frozen=True)
class Reading:
    """Currents of columns, and how they were found."""

    currents: Tensor  #: (..., B, C) [A]
    method: Method  #: one product with u G t; sweeps over the lines; elimination of the whole array
    sweeps: int  #: sweeps after the product
    bound: Tensor  #: (..., 1, C) [A]: no current is further from the exact one, rounding apart


class WiredArray:
    """Arrays whose rows are all driven, idle ones at 0 V, prepared once for any number of reads.

    conductance_RC (..., R, C) [S], 0 for an infinite resistance.
    `contraction` [1]: rho, the largest drop of a word line times that of a bit line.  Raises ValueError for
    conductances below 0 or not finite, and for lines whose idle rows are not grounded.
    """

    def __init__(self, conductance_RC: Tensor, lines: Lines) -> None:
        if lines.idle != "grounded":
            raise ValueError(
                f"idle={lines.idle!r}: with idle rows that are not grounded, every input is a network of its"
                " own; use nodal_read"
            )
        self.lines, self.lead = lines, conductance_RC.shape[:-2]
        g = _shaped(conductance_RC, "conductance_RC")
        self._network = network(lines, g.reshape(-1, *g.shape[-2:]))
        self._product, drops, sums, least = effective(self._network)
        if not (float(least.detach().min()) >= 0.0 and math.isfinite(float(sums.detach().sum()))):
            checked(g, "conductance_RC", low=0.0)  # raises ValueError with the value
        self._sums, self._reach = sums, 1.0 / (1.0 - drops[:, 0])  # M's columns, tG's at most so far above
        self.contraction = float(drops.detach().prod(-1).max()) if drops.numel() else 0.0

    def read(self, voltage_BR: Tensor, accuracy: float = EXACT) -> Reading:
        """Return the currents of voltages (..., B, R) [V].

        `accuracy`: largest error of a current as a share of max |V| sum_i t_ij G_ij, what the column would
        carry with every row at the highest voltage.  Where rho <= accuracy, one product; else so many sweeps
        that rho^(sweeps + 1) is; else, beyond :data:`MOST_SWEEPS` of them, elimination.  The array with the
        largest rho decides for all.
        """
        voltage = _shaped(voltage_BR, "voltage_BR")
        top = voltage.detach().abs().amax((-1, -2), keepdim=True)
        if not math.isfinite(float(top.sum())):
            checked(voltage, "voltage_BR")  # raises ValueError with the value
        lead = torch.broadcast_shapes(voltage.shape[:-2], self.lead)
        inputs, columns = voltage.shape[-2], self._product.shape[-1]
        method, sweeps = self._way(accuracy)
        if method == "ladder" or voltage.shape[:-2] != self.lead or inputs > voltage.shape[-1]:
            currents = voltage @ self.transconductance(accuracy)
        else:
            flat = voltage.reshape(-1, *voltage.shape[-2:])
            currents = self._solve(flat, method, sweeps).reshape(*lead, inputs, columns)
        error = 0.0 if method == "blocks" else self.contraction ** (sweeps + 1)
        scale = error * top * self._reach.reshape(*self.lead, 1, 1)
        bound = scale * self._sums.reshape(*self.lead, 1, columns)
        return Reading(currents, method, sweeps, bound.expand(*lead, 1, columns))

    def transconductance(self, accuracy: float = EXACT) -> Tensor:
        """Return M (..., R, C) [S]: I = V M for any voltages, to `accuracy` as in :meth:`read`."""
        method, sweeps = self._way(accuracy)
        arrays, rows, columns = self._product.shape
        found = self._product
        if method != "ladder":
            eye = torch.eye(rows, dtype=found.dtype, device=found.device)
            found = self._solve(eye.expand(arrays, rows, rows), method, sweeps)
        return found.reshape(*self.lead, rows, columns)

    def _way(self, accuracy: float) -> tuple[Method, int]:
        """Return how to reach an accuracy, and sweeps after the product."""
        sweeps = max(0, sweeps_for(self.contraction, accuracy) - 1)
        if sweeps > MOST_SWEEPS:
            return "blocks", 0
        return ("sweeps" if sweeps else "ladder"), sweeps

    def _solve(self, voltage: Tensor, method: Method, sweeps: int) -> Tensor:
        """Return currents of voltages (A, B, R)."""
        of = self._network
        if method == "sweeps":
            ends = torch.stack([x[0, 0] for x in (of.left, of.right, of.top, of.bottom)])
            return sweep_currents(voltage, of.g, *self._ladders, ends, of.word, of.bit, sweeps)
        into = torch.zeros(*of.g.shape, voltage.shape[1], dtype=of.g.dtype, device=of.g.device)
        into[:, :, 0] += of.left[..., None] * voltage.transpose(1, 2)
        into[:, :, -1] += of.right[..., None] * voltage.transpose(1, 2)
        u, b = eliminate(of, into, torch.zeros_like(into))
        return (of.g[..., None] * (u - b)).sum(1).transpose(1, 2)

    @cached_property
    def kappa(self) -> float:
        """Size of the effect of wires, :meth:`Lines.kappa` [1]."""
        return self.lines.kappa(self._network.g)

    @cached_property
    def _ladders(self) -> tuple[Tensor, Tensor]:
        of = self._network
        u = word_ladder(of.g, of.word, of.left, of.right)
        return u, of.g * bit_ladder(of.g, of.bit, of.top, of.bottom)


def checked(x: Tensor, name: str, low: float | None = None) -> Tensor:
    """Return x in float64; raise ValueError for what is not finite, below `low`, or empty."""
    x = _shaped(x, name)
    least, most = (float(end) for end in torch.aminmax(x.detach()))
    if not (math.isfinite(least) and math.isfinite(most)):
        raise ValueError(f"{name} holds values that are not finite; an infinite resistance is 0 S")
    if low is not None and least < low:
        raise ValueError(f"{name} holds {least:g}: {low:g} or above is needed")
    return x


def _shaped(x: Tensor, name: str) -> Tensor:
    """Return x in float64; raise ValueError where it is empty or no matrix."""
    if x.ndim < 2 or not x.numel():
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}: (..., {name[-2]}, {name[-1]}) is needed, with at least one"
            " input, row and column"
        )
    return x.double()
