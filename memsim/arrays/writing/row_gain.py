"""A digital gain and offset for each word line of an attention array, against what its devices share.

A word line's sum over many keys sees the mean device of the line: what that errs by is measured once, on
patterns that ask every cell for the same weight, and undone after the ADC.
"""

from __future__ import annotations

import torch
from torch import Tensor

from memsim.arrays.writing.array_design import ArrayDesign


def patterns(design: ArrayDesign) -> Tensor:
    """Return pulses that each pattern asks the mean device for: a full write down, none, and a full write
    up.
    """
    return torch.tensor([-design.n_max, 0, design.n_max])


def line_gain(design: ArrayDesign, found: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gain and offset (S, H, N) that take the mean weight of a word line nearest to what it should
    be:

        wanted_p = gain measured_p + offset      least squares over the patterns p

    found: weights A - offset that the patterns left, (S, H, repeats, patterns, N, N).  A line that does not
    move keeps gain 1.
    """
    table, amplitude = design.table, design.amplitude
    mean = found.mean((-1, 2), dtype=torch.float64)  # (S, H, patterns, N)
    wanted = (table.response[patterns(design) + table.n_max] - table.w_rest) / table.w_span * amplitude
    x, y = mean - mean.mean(-2, keepdim=True), (wanted - wanted.mean()).view(-1, 1)
    square = (x * x).sum(-2)
    gain = torch.where(square > 1e-6 * amplitude**2, (x * y).sum(-2) / square.clamp(min=1e-12), 1.0)
    offset = wanted.mean() - gain * mean.mean(-2)
    return gain.float(), offset.float()
