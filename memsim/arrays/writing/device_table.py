"""Pulse counts of each device's own: what calibration could bring at most, at a table for every device."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from memsim.arrays.writing.pulse_table import PulseTable


class DeviceTable(nn.Module):
    """The write rule with a table for each device (or pair): the count whose response without error is
    nearest to the wanted weight.

    ``best`` (S, H, N, N, goals) int16 holds the counts for each distinct goal of the pulse table, zero until
    ``fill``: two bytes for each device and goal.
    """

    keep: float = 0.0
    best: Tensor

    def __init__(self, table: PulseTable, places: tuple[int, ...], tokens: int) -> None:
        super().__init__()
        self.table = table
        self.distinct, level = table.goal.unique(return_inverse=True)
        self.level = level.view(table.goal.shape)
        shape = (*places, tokens, tokens, len(self.distinct))
        self.register_buffer("best", torch.zeros(shape, dtype=torch.int16))

    @property
    def candidates(self) -> Tensor:
        """The counts that every device is asked to try, (2 n_max + 1,) float32."""
        return torch.arange(-self.table.n_max, self.table.n_max + 1, dtype=torch.float32)

    def fill(self, held: Tensor) -> None:
        """Take the nearest counts from the states that the candidates lead to, (S, H, candidates, N, N)."""
        nearest = torch.full(self.best.shape, torch.inf)
        for count, w in zip(self.candidates.to(torch.int16), held.unbind(2), strict=True):
            miss = (w.unsqueeze(-1) - self.distinct.float()).abs()
            closer = miss < nearest
            nearest[closer], self.best[closer] = miss[closer], count

    def pulses(self, q: Tensor, k: Tensor) -> Tensor:
        """Return signed counts of every pair of tokens, spike counts (S, H, B, T, N) twice -> (S, H, B, T,
        N, N).
        """
        level = self.level.to(q.device)[q.long().unsqueeze(-1), k.long().unsqueeze(-2)]
        best = self.best[:, :, None, None].expand(*level.shape, -1)
        return best.gather(-1, level.unsqueeze(-1)).squeeze(-1).float()

    def goals(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the target states (S, H, B, T, N, N)."""
        return self.table.goals(q, k)

    def toward(self, goals: Tensor) -> Tensor:
        """Return the counts of every device for each of these goals, the nearest wanted one: (S, H, goals,
        N, N).
        """
        nearest = (goals.view(-1, 1) - self.distinct).abs().argmin(-1)
        return self.best[..., nearest].movedim(-1, 2).float()
