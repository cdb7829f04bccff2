"""e-prop: gradients of spiking layers from eligibility traces that run forward in time.

    U_j(t) = H_j(t-1) + sum_i W_ij x_i(t),   S_j = Theta(U_j - threshold),   H_j = beta U_j (1 - S_j)
    ebar_ij(t) = x_i(t) + beta (1 - S_j(t-1)) ebar_ij(t-1)        exact, where the reset has no gradient
    ebar_i(t)  = x_i(t) + beta ebar_i(t-1)                        the reset dropped: one trace for each row
    dE/dW_ij = sum_t L_j(t) psi_j(t) ebar(t),   L_j(t) = dE/dS_j(t) at the same time t,  psi = Theta'

(Bellec et al., Nat. Commun. 11, 3625, 2020, for leaky integrate-and-fire neurons without recurrence.)  With
the exact trace this is the gradient of backpropagation through time of one layer whose reset is detached;
with one trace for each row a change of weights is a sum of outer products, one a time step.  Pure functions
of tensors, time on the first axis.
"""

from __future__ import annotations

import torch
from torch import Tensor


def traces(x: Tensor, decay: float) -> Tensor:
    """Filter inputs (T, ...) by ebar(t) = x(t) + decay ebar(t-1); decay 0 gives the inputs themselves.

    Raises ValueError for a decay outside 0 .. 1.
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"decay = {decay}: 0 to 1 is allowed; beta = 1 - 1 / tau of the neurons")
    if decay == 0 or len(x) < 2:
        return x
    found = [x[0]]
    for now in x[1:]:
        found.append(now + decay * found[-1])
    return torch.stack(found)


def slope(membrane: Tensor, threshold: float, alpha: float) -> Tensor:
    """psi, the derivative of a sigmoid of steepness alpha that stands for that of a spike, (T, B, C)."""
    p = torch.sigmoid(alpha * (membrane - threshold))
    return alpha * p * (1 - p)


def change(x: Tensor, error: Tensor, decay: float) -> Tensor:
    """dE/dW (R, C) with one trace for each row: x (T, B, R) inputs, error (T, B, C) = L psi."""
    return torch.einsum("tbr,tbc->rc", traces(x, decay), error)


def exact_change(x: Tensor, error: Tensor, spikes: Tensor, decay: float) -> Tensor:
    """dE/dW (R, C) with a trace for each weight, which ends where its neuron fires: the gradient itself.

    x (T, B, R); error (T, B, C) = L psi; spikes (T, B, C) of the layer.
    """
    trace = torch.zeros(*x.shape[1:], error.shape[-1], dtype=x.dtype, device=x.device)
    total, left = torch.zeros_like(trace[0]), torch.ones_like(error[0])
    for now, of, fired in zip(x, error, spikes, strict=True):
        trace = now[..., None] + decay * left[..., None, :] * trace
        total = total + (trace * of[..., None, :]).sum(0)
        left = 1 - fired
    return total
