"""A digital gain and offset for each word line of an attention array, against what its devices share.

A word line's sum over many keys sees the mean device of the line: what that errs by is measured once, on
patterns of equal pulses in every cell, and undone after the ADC.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from memsim.pulse_table import PulseTable

REPEATS = 8
"""Writes of each pattern, to average what is new in each."""


def patterns(n_max: int) -> Tensor:
    """Pulses of the patterns: a full write down, none, a full write up."""
    return torch.tensor([-n_max, 0, n_max], dtype=torch.float32)


def measure(
    write: Callable[[Tensor], Tensor], table: PulseTable, amplitude: float, shape: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """Gain and offset (S, H, N, 1) that take the mean weight of a word line nearest to what it should be:

        wanted_p = gain measured_p + offset      least squares over the three patterns p

    write: pulses (S, H, REPEATS, 3, N, N) -> weights; shape (S, H, N).  A line that does not move
    keeps gain 1.
    """
    pulses = patterns(table.n_max).view(3, 1, 1).expand(*shape[:2], REPEATS, 3, *[shape[-1]] * 2)
    found = write(pulses.contiguous()).mean((-1, 2)).double()  # (S, H, 3, N)
    wanted = (table.response[patterns(table.n_max).long() + table.n_max] - table.w_rest) / table.w_span
    wanted = (wanted * amplitude).view(3, 1)
    x, y = found - found.mean(-2, keepdim=True), wanted - wanted.mean()
    square = (x * x).sum(-2)
    gain = torch.where(square > 1e-6 * amplitude**2, (x * y).sum(-2) / square.clamp(min=1e-12), 1.0)
    offset = wanted.mean() - gain * found.mean(-2)
    return gain.float().unsqueeze(-1), offset.float().unsqueeze(-1)
