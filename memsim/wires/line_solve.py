"""Lines solved one by one in torch: the meaning that the kernels of sweeps are held against."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def solve_lines(
    g: Tensor, segment: float, first: Tensor | float, last: Tensor | float, into: Tensor
) -> Tensor:
    """Return the voltages (..., J) [V] of lines along the last axis, for currents `into` their nodes [A].

    g: devices to ground, segment: between neighbours, first, last: from the ends to ground [S].  Thomas's
    elimination; with Y_j the conductance to ground seen at j, its pivots Y_j + segment have no difference in
    them.  A line that is one node (infinite segment) is held at 0 V by an end, or floats.
    """
    if math.isinf(segment):
        floats = (torch.as_tensor(first, dtype=g.dtype) + last == 0)[..., None]
        return torch.where(floats, into.sum(-1, keepdim=True) / g.sum(-1, keepdim=True), 0.0).expand_as(into)
    count = g.shape[-1]
    y, d = g[..., 0] + first, []
    for j in range(count):
        d.append(y + (segment if j < count - 1 else last))
        if j < count - 1:
            y = g[..., j + 1] + segment * y / (segment + y)
    v = [into[..., 0] / d[0]]
    for j in range(1, count):
        v.append((into[..., j] + segment * v[-1]) / d[j])
    for j in range(count - 2, -1, -1):
        v[j] = v[j] + segment / d[j] * v[j + 1]
    return torch.stack(v, -1)
