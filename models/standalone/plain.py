"""LIF neurons and STDP attention as plain loops: the definition, and what runs without a GPU."""

import torch
from torch import Tensor

BETA, EPS = 0.5, 1e-5  #: leak of the LIF neurons, 1 - 1/tau with tau = 2; epsilon of batch norms
WINDOW = {"A": 0.45, "tau": 0.5, "offset": 0.5, "t_max": 1.0}  #: memsim's STDP window "bounded"
SCALE = 0.125  #: s of Eq. (23)


class Spike(torch.autograd.Function):
    """Theta(z) with the slope of sigmoid(alpha z)."""

    @staticmethod
    def forward(ctx, z, alpha):
        ctx.save_for_backward(z)
        ctx.alpha = alpha
        return (z >= 0).to(z.dtype)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[override]
        p = torch.sigmoid(ctx.alpha * ctx.saved_tensors[0])
        return grad * (ctx.alpha * p * (1 - p)), None


def plain_fire(x: Tensor, T: int, threshold: float, alpha: float) -> Tensor:
    """Spikes (T, ...) of currents (T or 1, ...), float32: the loop over time."""
    h, out = torch.zeros_like(x[0]), []
    for t in range(T):
        u = h + x[t if len(x) > 1 else 0]
        out.append(Spike.apply(u - threshold, alpha))
        h = BETA * u * (1 - out[-1].detach())
    return torch.stack(out)


def plain_weights(q: Tensor, k: Tensor) -> Tensor:
    """A_ij (..., N, N) of query and key spikes (..., N, D_H): Eq. (17)-(22)."""
    counts = k.sum(-1).unsqueeze(-2) - q.sum(-1).unsqueeze(-1)
    dt = counts * (WINDOW["t_max"] / q.shape[-1])
    part = WINDOW["A"] * torch.exp(-torch.where(dt < 0, -dt, dt) / WINDOW["tau"])
    return WINDOW["offset"] + torch.where(dt < 0, part, -part)
