"""How pulsed devices represent weights, and how many pulses a requested change takes.

    share = (w - w_rest) / w_span      one device and a fixed reference, if pulses go in both directions
    share = (w+ - w-) / w_span         a pair, if pulses only increase w: increases on w+, decreases on w-

The share is the weight divided by its range.  w is the unitless state of a device and w_rest its mean after a
reset.  w_span is `span` times the distance from w_rest to the nearer bound of a nominal device, so that a
device at share 1 can still move further.  The nominal change of one pulse is w_span / n, where n pulses take
the mean device from its reset across w_span; the actual change depends on the device and on its state.
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
MOST = 4096  #: largest number of pulses tried for crossing w_span


@dataclass(frozen=True, kw_only=True)
class PulsePlan:
    """Representation of weights by the devices of a card's `[attention]` section.

    span: w_span divided by the distance from the reset to the nearer bound [1], above 0 and at most 1.
    Raises ValueError for a span outside this range, and on first use of `steps` for a cell that does not
    cross w_span within 4096 pulses.
    """

    card: ChipCard
    span: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.span <= 1:
            raise ValueError(f"span = {self.span}: a part of a device's range, above 0 and at most 1")

    @cached_property
    def cell(self) -> Any:
        """The pulsed cell or the ideal cell, without the noise of single reads."""
        cell: PulsedCell = self.card.attention_cell
        return cell.without("read-noise") if "read-noise" in cell.effects else cell

    @property
    def exact(self) -> bool:
        """Whether the cell is ideal: it holds any number exactly and is not written by pulses."""
        return self.cell.exact

    @property
    def sides(self) -> tuple[str, ...]:
        """Names of the devices of one weight that receive pulses."""
        return ("plus", "minus") if self.cell.one_sided else ("device",)

    @cached_property
    def rest(self) -> float:
        """Mean state after a reset, w_rest; 0 for a pair, where it cancels in the difference."""
        if self.cell.one_sided:
            return 0.0
        response = self.cell.response(1)
        return float(response[1])

    @cached_property
    def span_w(self) -> float:
        """Change of state, relative to the reset, that represents a share of 1: w_span."""
        told = self.cell.describe()
        room = told.high - self.rest
        return self.span * (room if self.cell.one_sided else min(room, self.rest - told.low))

    @cached_property
    def steps(self) -> tuple[float, float]:
        """Nominal change of the share [1] by one pulse up and by one pulse down, both positive.

        Raises ValueError for a cell that does not cross w_span within 4096 pulses.
        """
        up = 1 / self._pulses(1)
        return up, up if self.cell.one_sided else 1 / self._pulses(-1)

    def _pulses(self, sign: int) -> float:
        """Return the interpolated number of pulses that take the mean device across w_span."""
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
            f"{self.cell.name}: {MOST} pulses do not take its mean device across {self.span:g} of its range;"
            " use a smaller span"
        )

    @property
    def siemens(self) -> tuple[float, float, float]:
        """Conductance at w = 0, conductance per unit of w, and conductance of the fixed reference [S]."""
        rest, unit = self.card.cell_siemens
        return rest, unit, 0.0 if self.cell.one_sided else rest + unit * self.rest

    def share(self, seen: Tensor) -> Tensor:
        """Return the shares (S, R, C) that states (S, D, R, C) represent."""
        if self.cell.one_sided:
            return (seen[:, 0] - seen[:, 1]) / self.span_w
        return (seen[:, 0] - self.rest) / self.span_w

    def counts(self, change: Tensor, rounding: str, chance: Tensor | None = None) -> Tensor:
        """Return signed whole numbers of pulses for changes of the share; `stands` is the inverse.

        rounding: "nearest"; "down", towards zero; "stochastic", up with a probability equal to the fractional
        part, so that the mean is exact.  The latter needs uniform random numbers `chance` of the same shape.
        Raises ValueError for another rounding.
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
        """Return the nominal changes of the share for signed numbers of pulses."""
        up, down = self.steps
        return torch.where(counts > 0, counts * up, counts * down)

    def by_side(self, counts: Tensor) -> Tensor:
        """Return the pulses of each device (S, D, R, C) for signed numbers of pulses (S, R, C)."""
        if self.cell.one_sided:
            return torch.stack([counts.clamp(min=0), (-counts).clamp(min=0)], 1)
        return counts[:, None]
