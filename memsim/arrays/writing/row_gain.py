"""A digital gain and offset for each word line of an attention array, against what its devices share.

A word line's sum over many keys sees the mean device of the line: what that errs by is measured once, on
patterns that ask every cell for the same weight, and undone after the ADC.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from memsim.arrays.writing.pulse_table import PulseTable

REPEATS = 8
"""Writes of each pattern, to average what is new in each."""


def measure(write: Callable[[Tensor], Tensor], table: PulseTable, amplitude: float) -> tuple[Tensor, Tensor]:
    """Gain and offset (S, H, N) that take the mean weight of a word line nearest to what it should be:

        wanted_p = gain measured_p + offset      least squares over the three patterns p

    The patterns are a full write down, none, and a full write up. write: their counts (3,) -> weights (S, H,
    REPEATS, 3, N, N).  A line that does not move keeps gain 1.
    """
    counts = torch.tensor([-table.n_max, 0, table.n_max])
    found = write(counts).mean((-1, 2), dtype=torch.float64)  # (S, H, 3, N)
    wanted = (table.response[counts + table.n_max] - table.w_rest) / table.w_span * amplitude
    x, y = found - found.mean(-2, keepdim=True), (wanted - wanted.mean()).view(3, 1)
    square = (x * x).sum(-2)
    gain = torch.where(square > 1e-6 * amplitude**2, (x * y).sum(-2) / square.clamp(min=1e-12), 1.0)
    offset = wanted.mean() - gain * found.mean(-2)
    return gain.float(), offset.float()
