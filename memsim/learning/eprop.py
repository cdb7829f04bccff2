"""e-prop: gradients of spiking layers from eligibility traces that run forward in time.

    U_j(t) = H_j(t-1) + sum_i W_ij x_i(t),   S_j = Theta(U_j - threshold),   H_j = beta U_j (1 - S_j)
    ebar_ij(t) = x_i(t) + beta (1 - S_j(t-1)) ebar_ij(t-1)        exact, if the reset is detached
    ebar_i(t)  = x_i(t) + beta ebar_i(t-1)                        reset neglected: one trace per row
    dE/dW_ij = sum_t L_j(t) psi_j(t) ebar(t),   L_j(t) = dE/dS_j(t) at the same time t,  psi = Theta'

Source: Bellec et al., Nat. Commun. 11, 3625 (2020), here for leaky integrate-and-fire neurons without
recurrence.  H is the membrane after the reset, S the spikes, beta the leak, Theta the step function and psi
its surrogate derivative.  With the exact trace the result equals backpropagation through time of one layer
whose reset is detached.  With one trace per row the change of the weights is a sum of outer products, one for
each time step, which an array can apply directly.  The functions are pure; time is the first axis of every
tensor.
"""

from __future__ import annotations

import torch
from torch import Tensor


def traces(x: Tensor, decay: float) -> Tensor:
    """Filter inputs x (T, ...) by ebar(t) = x(t) + decay ebar(t-1) and return traces of the same shape.

    With decay = 0 the inputs are returned as they are.  Raises ValueError for a decay outside 0 to 1.
    """
    _check_decay(decay)
    if decay == 0 or len(x) < 2:
        return x
    found = [x[0]]
    for now in x[1:]:
        found.append(now + decay * found[-1])
    return torch.stack(found)


def slope(membrane: Tensor, threshold: float, alpha: float) -> Tensor:
    """Return the surrogate derivative psi = alpha p (1 - p), p = sigmoid(alpha (U - threshold)), (T, B, C).

    It replaces the derivative of the spike function; membrane U (T, B, C) and threshold are in the same unit.
    """
    p = torch.sigmoid(alpha * (membrane - threshold))
    return alpha * p * (1 - p)


def change(x: Tensor, error: Tensor, decay: float) -> Tensor:
    """Return dE/dW (R, C) with one trace per row, for inputs x (T, B, R) and error = L psi (T, B, C).

    Raises ValueError for a decay outside 0 to 1 and for shapes that do not belong together.
    """
    _check_shapes(x, error)
    return torch.einsum("tbr,tbc->rc", traces(x, decay), error)


def exact_change(x: Tensor, error: Tensor, spikes: Tensor, decay: float) -> Tensor:
    """Return dE/dW (R, C) with one trace per weight, which is reset whenever its neuron fires.

    This is the exact gradient of a layer whose reset is detached.  Shapes: inputs x (T, B, R), error = L psi
    (T, B, C), output spikes of the layer (T, B, C).  Raises ValueError for a decay outside 0 to 1 and for
    shapes that do not belong together.
    """
    _check_decay(decay)
    _check_shapes(x, error)
    if spikes.shape != error.shape:
        raise ValueError(f"spikes {tuple(spikes.shape)} and error {tuple(error.shape)} must have one shape")
    trace = torch.zeros(*x.shape[1:], error.shape[-1], dtype=x.dtype, device=x.device)
    total, left = trace.new_zeros(trace.shape[1:]), torch.ones_like(error[0])
    for now, of, fired in zip(x, error, spikes, strict=True):
        trace = now[..., None] + decay * left[..., None, :] * trace
        total = total + (trace * of[..., None, :]).sum(0)
        left = 1 - fired
    return total


def _check_decay(decay: float) -> None:
    if not 0 <= decay <= 1:
        raise ValueError(f"decay = {decay}: 0 to 1 is allowed; beta = 1 - 1 / tau of the neurons")


def _check_shapes(x: Tensor, error: Tensor) -> None:
    if x.dim() != 3 or error.dim() != 3 or x.shape[:2] != error.shape[:2] or not len(x):
        raise ValueError(
            f"inputs {tuple(x.shape)} and error {tuple(error.shape)}: (T, B, R) and (T, B, C) are needed,"
            " with one T of 1 or more and one B"
        )
