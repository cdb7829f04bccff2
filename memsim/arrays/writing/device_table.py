"""Pulse counts of each device's own: what calibration could bring at most, at a table for every device."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from memsim.arrays.writing.pulse_table import PulseTable


class DeviceTable:
    """For each device (or pair) the count whose response without error is nearest to the wanted weight.

    ``measure``: pulses (S, H, 1, 2 n_max + 1, N, N) -> states without noise.  Memory: a byte or two for each
    device and distinct weight.
    """

    def __init__(self, table: PulseTable, measure: Callable[[Tensor], Tensor], shape: tuple[int, ...]):
        self.goals, level = table.goal.unique(return_inverse=True)
        self.level, self.n_max = level.view(table.goal.shape), table.n_max
        n = torch.arange(-self.n_max, self.n_max + 1, dtype=torch.float32)
        tokens = [shape[-1]] * 2
        held = measure(n.view(-1, 1, 1).expand(*shape[:2], 1, len(n), *tokens).contiguous())[:, :, 0]
        nearest = torch.full((*shape[:2], *tokens, len(self.goals)), torch.inf)
        self.best = torch.zeros(nearest.shape, dtype=torch.int16)
        for count, w in zip(range(-self.n_max, self.n_max + 1), held.unbind(2), strict=True):
            miss = (w.unsqueeze(-1) - self.goals.float()).abs()
            closer = miss < nearest
            nearest[closer], self.best[closer] = miss[closer], count

    def pulses(self, count_q: Tensor, count_k: Tensor) -> Tensor:
        """Signed counts of every pair of tokens, (S, H, B, T, N) twice -> (S, H, B, T, N, N)."""
        level = self.level[count_q.long().unsqueeze(-1), count_k.long().unsqueeze(-2)]
        best = self.best[:, :, None, None].expand(*level.shape, -1)
        return best.gather(-1, level.unsqueeze(-1)).squeeze(-1).float()

    def toward(self, goals: Tensor) -> Tensor:
        """The counts of every device for each of these goals, the nearest wanted one: (S, H, goals, N, N)."""
        nearest = (goals.view(-1, 1) - self.goals).abs().argmin(-1)
        return self.best[..., nearest].movedim(-1, 2).float()
