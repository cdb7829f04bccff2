"""How many pulses write the attention weight that two spike counts ask for."""

from __future__ import annotations

import torch
from torch import Tensor

from memsim import devices
from memsim.card.cautions import REMEDY, room_of
from memsim.card.chip_card import ChipCard


class PulseTable:
    """The write rule of an STDP window: signed pulse counts n[r_Q, r_K], (D_H + 1, D_H + 1), with the scale
    that turns w into weights.

    ``calibrated``: the count whose mean response is nearest to the wanted weight (of the preset, new,
    never the device); ``linear``: round(n_max |dw| / A).  Whole pulses unless pulse rounding is switched off.
    ``goal`` holds the target states w.
    """

    keep: float = 0.0

    def __init__(self, wanted: Tensor, amplitude: float, card: ChipCard) -> None:
        cell = card.design.unworn_cell
        self.n_max = card.full_write
        response = self.response = cell.response(self.n_max).double()
        rest = response[self.n_max]
        self.w_rest = float(rest)
        self.w_span = float(torch.minimum(response[-1] - rest, rest - response[0]))
        if self.w_span <= 0:
            _, side = room_of(response)
            raise ValueError(
                f"attention.cell = {cell.name}: {self.n_max} pulses {side} do not move it from where a reset"
                f" leaves it, so no weight can be written that way; {REMEDY}"
            )
        self.goal = wanted.double() * self.w_span / amplitude + rest
        if card.attention.coding == "linear":
            count = wanted.double() * self.n_max / amplitude
        else:
            count = inverse(torch.cummax(response, 0).values, self.goal) - self.n_max
        self.counts = count.round().float() if card.on("pulse-rounding") else count.float()

    def pulses(self, q: Tensor, k: Tensor) -> devices.LinePulses:
        """Return signed counts of every pair of tokens, spike counts (..., N), (..., N) -> (..., N, N)."""
        return devices.LinePulses(self.counts.to(q.device), q, k)

    def goals(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the target states, (..., N), (..., N) -> (..., N, N)."""
        return devices.LinePulses(self.goal.to(q.device), q, k).cells()


def inverse(curve: Tensor, goal: Tensor) -> Tensor:
    """Return where a rising curve over 0, 1, 2, ... meets each goal, linear between; one end where it does
    not.
    """
    right = torch.searchsorted(curve, goal.contiguous()).clamp(1, len(curve) - 1)
    low, high = curve[right - 1], curve[right]
    return right - 1 + ((goal - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
