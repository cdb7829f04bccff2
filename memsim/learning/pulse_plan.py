"""How numbers stand in pulsed devices, and how many pulses a wanted change takes.

    share = (w - w_rest) / w_span      one device beside a fixed reference, where pulses go both ways
    share = (w+ - w-) / w_span         a pair, where pulses go up only: up on w+, down on w-

w_span is a part of the distance from the reset to the nearer bound of a nominal device, so that a share of 1
leaves room to learn.  A pulse stands for w_span / n, n the pulses that take the mean device from its reset
over that span; what a pulse really does depends on the device and on its state.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from memsim.card.chip_card import ChipCard
from memsim.devices import PulsedCell

ROUNDINGS = ("stochastic", "nearest", "down")
MOST = 4096  #: pulses that are tried to cross the span


@dataclass(frozen=True, kw_only=True)
class PulsePlan:
    """The devices of a card's `[attention]` as holders of weights.

    span: w_span over the distance from the reset to the nearer bound [1].  Raises ValueError for a span
    outside 0 .. 1 and for a cell that does not cross it in 4096 pulses.
    """

    card: ChipCard
    span: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.span <= 1:
            raise ValueError(f"span = {self.span}: a share of the range of a device, above 0 and at most 1")

    @cached_property
    def cell(self) -> Any:
        """The pulsed cell, or the ideal one; the noise of single reads is left out."""
        cell: PulsedCell = self.card.attention_cell
        return cell.without("read-noise") if "read-noise" in cell.effects else cell

    @property
    def exact(self) -> bool:
        """Whether the cell is ideal: it takes any number, and no pulses."""
        return self.cell.exact

    @property
    def sides(self) -> tuple[str, ...]:
        """Devices of a number that take pulses."""
        return ("plus", "minus") if self.cell.one_sided else ("device",)

    @cached_property
    def rest(self) -> float:
        """State after a reset in the mean [w]; of a pair it cancels."""
        if self.cell.one_sided:
            return 0.0
        response = self.cell.response(1)
        return float(response[1])

    @cached_property
    def span_w(self) -> float:
        """State that stands for a share of 1, from the reset [w]."""
        told = self.cell.describe()
        room = told.high - self.rest
        return self.span * (room if self.cell.one_sided else min(room, self.rest - told.low))

    @cached_property
    def steps(self) -> tuple[float, float]:
        """Share that a pulse up and a pulse down stand for [1]."""
        up = 1 / self._pulses(1)
        return up, up if self.cell.one_sided else 1 / self._pulses(-1)

    def _pulses(self, sign: int) -> float:
        """Pulses that take the mean device over the span in one direction, interpolated."""
        count = 16
        while count <= MOST:
            table = self.cell.response(count).double()
            way = sign * (table[count:] if sign > 0 else table[: count + 1].flip(0))
            way = torch.cummax(way - way[0], 0).values
            if float(way[-1]) >= self.span_w:
                n = int((way >= self.span_w).nonzero()[0])
                low, high = float(way[n - 1]), float(way[n])
                return n - 1 + (self.span_w - low) / (high - low)
            count *= 4
        raise ValueError(
            f"{self.cell.name}: {MOST} pulses do not take its mean device over {self.span:g} of its range;"
            " take a smaller span"
        )

    @property
    def siemens(self) -> tuple[float, float, float]:
        """Conductance of w = 0, of one unit of w, and of the reference of a number [S]."""
        rest, unit = self.card.cell_siemens
        return rest, unit, 0.0 if self.cell.one_sided else rest + unit * self.rest

    def share(self, seen: Tensor) -> Tensor:
        """Shares (S, R, C) of states (S, D, R, C)."""
        if self.cell.one_sided:
            return (seen[:, 0] - seen[:, 1]) / self.span_w
        return (seen[:, 0] - self.rest) / self.span_w

    def counts(self, change: Tensor, rounding: str, chance: Tensor | None = None) -> Tensor:
        """Signed whole pulses for changes of share; what they stand for is `stands`.

        rounding: "nearest"; "down", towards zero: only whole pulses that are due; "stochastic": up with the
        probability of the rest, so that the mean is right, by uniform numbers `chance` of the same shape.
        """
        if rounding not in ROUNDINGS:
            raise ValueError(f"rounding = {rounding!r}: one of {', '.join(ROUNDINGS)}")
        up, down = self.steps
        wanted = torch.where(change > 0, change / up, change / down)
        if rounding == "stochastic":
            assert chance is not None
            return (wanted + chance.to(wanted)).floor()
        return wanted.round() if rounding == "nearest" else wanted.trunc()

    def stands(self, counts: Tensor) -> Tensor:
        """Shares that signed counts stand for."""
        up, down = self.steps
        return torch.where(counts > 0, counts * up, counts * down)

    def by_side(self, counts: Tensor) -> Tensor:
        """Pulses of every device (S, D, R, C) of signed counts (S, R, C)."""
        if self.cell.one_sided:
            return torch.stack([counts.clamp(min=0), (-counts).clamp(min=0)], 1)
        return counts[:, None]
