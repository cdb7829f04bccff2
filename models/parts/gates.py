"""Attention gates of MA-SNN and Att-Res-SNN (Yao et al., arXiv:2209.13929, 2022).

Gates are factors between 0 and 1, computed from a whole input, for its time steps, channels and positions:

    g_T = sigmoid(W2 relu(W1 mean) + W2 relu(W1 max)), mean and max over channels and positions, y = g_T x
    g_C likewise, mean and max over time steps and positions,                                    z = g_C y
    g_S = sigmoid(conv3x3([mean; max])), mean and max over time steps and channels,      out = relu(g_S z)

The ReLU is part of the authors' code but not of their formula. A gate needs all time steps, so the following
neurons can start only after the last one.
"""

from math import prod
from typing import final

import torch
from torch import Tensor, nn

from memsim.digital_only import DigitalOnly


@final
class AxisGate(nn.Module):
    """Gates along one axis of (T, B, C, ...): 0 (time steps) or 2 (channels).

    size: length n of the axis; reduction: r, where W1 is (n / r, n). Returns factors that broadcast against
    the input.
    """

    def __init__(self, size: int, reduction: int, *, axis: int):
        super().__init__()
        self.axis = axis
        self.down = nn.Linear(size, size // reduction, bias=False)
        self.up = nn.Linear(size // reduction, size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        others = [axis for axis in range(x.ndim) if axis not in (1, self.axis)]
        mean, top = x.mean(others), x.amax(others)  # (B, n), or (n, B) for the gate of time
        if self.axis == 0:
            mean, top = mean.T, top.T
        gate = torch.sigmoid(self.up(self.down(mean).relu()) + self.up(self.down(top).relu()))
        shape = [x.shape[axis] if axis in (1, self.axis) else 1 for axis in range(x.ndim)]
        return (gate.T if self.axis == 0 else gate).reshape(shape)


@final
class SpatialGate(nn.Module):
    """Gates for each position of (T, B, C, h, w), from mean and maximum over time steps and channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        both = torch.stack([x.mean((0, 2)), x.amax((0, 2))], 1)
        return torch.sigmoid(self.conv(both))[None, :, None, 0]


@final
class Gates(DigitalOnly):
    """Product of an input (T, B, C, ...) with its gates for time, channels and positions, followed by a
    ReLU.
    """

    digital_because = "gates: numbers from a mean over all time steps, multiplied with signals"

    def __init__(self, *, time: AxisGate | None, channels: AxisGate | None, places: SpatialGate | None):
        super().__init__()
        self.gates = nn.ModuleList(gate for gate in (time, channels, places) if gate is not None)

    def forward(self, x: Tensor) -> Tensor:
        for gate in self.gates:
            x = gate(x) * x
        return x.relu()

    def multiplications(self, x: Tensor) -> int:
        """Return the number of multiplications of an input with its gates."""
        return prod(x.shape) * len(self.gates)
