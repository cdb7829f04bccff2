"""What the pulses of an attention write take: in the cells they meet, in half-selected cells, in the lines.

A write has two phases, LTP and LTD, with a slot for each distinct first-spike time of the array.  In a slot
every line of the side that fires is driven n_max times, and every line of the other side that fired before
(LTD: or now) gates n of these.  With a and b the numbers of query and key tokens by spike count, n the pulse
table and n+, n- its two signs:

    drives of lines             L = n_max (sum a + sum b) + a n+ [b > 0] + [a > 0] n- b
    pulses                      P = a |n| b
    half-selected cell-pulses   N L - 2 P

A pulse takes V^2 t G, G the conductance it meets.  Over n pulses the mean conductance before each is summed:
for soft bounds V^2 t [n b - (b - G_0)(1 - (1 - a)^n) / a] exactly.  A half-selected cell is taken at rest and
takes 1 / (4 k) of a pulse; a drive charges a line over N cells.  What is not known, the voltage, leaves the
price of a pulse and no energy of lines.  A pulse on a gate (FeFET, ECRAM, capacitor) passes no current.
Source: physics.md's B4 and E4, after NeuroSim's write energy.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from memsim.arrays.writing.array_design import ArrayDesign
from memsim.devices.numerics.stream import stream

HALF_SELECTED = {"passive": 1.0, "selector": 10.0}
"""Scheme -> k, how much less current a cell passes at V / 2 than half; a selector's 10 is an assumption."""


class WriteEnergy:
    """Energies [J] of the writes of one attention layer whose cells are pulsed."""

    def __init__(self, design: ArrayDesign) -> None:
        self.design, card, table = design, design.card, design.table
        self.scheme = card.attention.scheme
        self.voltage, self.time = card.pulse_drive
        rest, unit, _ = design.conductance
        response = table.response
        if design.cell.one_sided and self.voltage:
            new = card.design.unworn_cell
            at_rest = new.reset(new.fabricate((1 << 12,), rng=stream(0, "rest")), rng=stream(0, "rest"))
            response = float(at_rest.visible.double().mean()) + response.abs()
        siemens = (rest + unit * response).clamp(min=0)
        self.at_rest = float(siemens[table.n_max])
        self.series = series(siemens)
        charge = design.segment.capacitance
        self.line = None if math.isnan(charge) else charge

    def met(self, counts: Tensor) -> Tensor:
        """Return conductances that signed counts of pulses meet, summed over the pulses of each [S]; those
        beyond a full write are taken to meet what the last of it does.
        """
        return at(self.series, counts.double())

    def joule(self, siemens: Tensor | float) -> Tensor | float | None:
        """V^2 G t of pulses that meet conductances of this sum [S]; None where the voltage is not known."""
        return None if self.voltage is None else siemens * (self.voltage**2 * self.time)

    def half_selected(self, number: Tensor | float) -> Tensor | float:
        """Return the energy of this number of half-selected cell-pulses [J]."""
        pulse = self.joule(self.at_rest)
        if pulse is None:
            pulse = self.design.card.price(f"pulse-{self.design.kind}").energy
        return number * (pulse / 4 / HALF_SELECTED[self.scheme])

    def lines(self, drives: Tensor | float, crossed: Tensor | float) -> Tensor | float | None:
        """C V^2 of drives of lines over cells [J], at V / 2 without transistors; None where unknown."""
        if self.voltage is None or self.line is None:
            return None
        voltage = self.voltage if self.scheme == "1T1R" else self.voltage / 2
        return drives * (crossed * self.line * voltage**2)


def series(siemens: Tensor) -> Tensor:
    """Return conductances before each of |n| pulses, summed: of those after n = -N .. N pulses, (2 N + 1,)
    [S].
    """
    middle = len(siemens) // 2
    up, down = siemens[middle:-1].cumsum(0), siemens[1 : middle + 1].flip(0).cumsum(0)
    return torch.cat([down.flip(0), siemens.new_zeros(1), up])


def at(table: Tensor, counts: Tensor) -> Tensor:
    """Return a table over n = -N .. N at any counts, linear between whole ones."""
    place = counts + len(table) // 2
    low = place.floor().clamp(0, len(table) - 2)
    return torch.lerp(table[low.long()], table[low.long() + 1], place - low)


def tally(counts: Tensor, levels: int) -> Tensor:
    """Return how many tokens have each spike count, (..., N) -> (..., levels)."""
    out = torch.zeros(*counts.shape[:-1], levels, dtype=torch.float64, device=counts.device)
    return out.scatter_add_(-1, counts.long(), torch.ones_like(out[..., :1]).expand(counts.shape))


def pairs(a: Tensor, table: Tensor, b: Tensor) -> Tensor:
    """a table b of every write, (S, H, B, T, levels) -> (S, T): summed over heads and images."""
    return ((a @ table.to(a)) * b).sum((1, 2, 4))
