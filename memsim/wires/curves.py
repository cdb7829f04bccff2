"""Current against voltage of a device between the lines."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Curve = Callable[[Tensor, Tensor], Tensor]
"""(conductance g [S], voltage v [V]) -> current [A], elementwise, rising with v, differentiable by torch.

Such are the curves of cells, `memsim.devices.weights.iv_curve`: `Cubic`, `SinhCurve`, `cell.curve`.
"""


def current_and_slope(curve: Curve, g: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Return I [A] and dI / dv [S]; raise ValueError where the current falls with the voltage."""
    with torch.enable_grad():
        at = v.detach().clone().requires_grad_()
        current = curve(g, at)
        (slope,) = torch.autograd.grad(current.sum(), at)
    if float(slope.min()) < 0.0:
        worst = v.flatten()[slope.argmin()]
        raise ValueError(
            f"the curve falls with the voltage at {float(worst):.3g} V: a current that rises at every voltage"
            " between the lines is needed; lower the voltages, or take a curve measured up to them"
        )
    return current.detach(), slope
