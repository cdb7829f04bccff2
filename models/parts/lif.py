"""Leaky integrate-and-fire neurons as an operation: the loop over time in torch, and kernels for the CPU."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from memsim.devices.numerics.compile import match_threads
from memsim.devices.numerics.operation import operation
from memsim.models.parts.lif_kernel import lif_backward, lif_forward


class Law(NamedTuple):
    """Constants of a layer of LIF neurons with input X, membrane U before and H after the reset.

    U[t] = H[t-1] + gain X[t];  H[t] = v_reset if U[t] >= v_threshold, else beta U[t] + leak;  H[-1] = v_reset
    """

    beta: float
    gain: float
    leak: float
    v_threshold: float
    v_reset: float
    alpha: float  #: steepness of the sigmoid whose derivative is the surrogate gradient
    detach_reset: bool  #: whether the reset is excluded from the gradient


@lru_cache(maxsize=256)
def constants(law: Law, dtype: np.dtype) -> tuple[np.generic, ...]:
    """Return the five constants of the forward pass in the data type of the arrays."""
    return tuple(dtype.type(number) for number in law[:5])


class _Spike(torch.autograd.Function):
    """Theta(z) with the surrogate derivative alpha p (1 - p), p = sigmoid(alpha z)."""

    @staticmethod
    def forward(ctx, z: Tensor, alpha: float) -> Tensor:
        ctx.save_for_backward(z)
        ctx.alpha = alpha
        return (z >= 0).to(z.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        (z,) = ctx.saved_tensors
        p = torch.sigmoid(ctx.alpha * z)
        return grad * (ctx.alpha * p * (1 - p)), None


@operation
def spikes(current: Tensor, law: Law) -> Tensor:
    """Return spikes (T, ...) for input currents (T, ...), with a surrogate gradient.

    This loop over time defines the result for any device and type. For 16-bit currents the membranes are
    float32.
    """
    if len(current) == 0:
        return torch.empty_like(current)
    wide = torch.promote_types(current.dtype, torch.float32)
    h = torch.full_like(current[0], law.v_reset, dtype=wide)
    fired = []
    for x in current:
        u = h + law.gain * x.to(wide)
        s = _Spike.apply(u - law.v_threshold, law.alpha)
        fired.append(s)
        s = s.detach() if law.detach_reset else s
        h = law.v_reset * s + (law.beta * u + law.leak) * (1 - s)
    return torch.stack(fired).to(current.dtype)


def _fired(current: Tensor, law: Law, membrane: Tensor | None = None) -> Tensor:
    """Return spikes (T, ...); if `membrane` (T, ...) is given, it is filled with the potentials U."""
    if membrane is None and torch.is_grad_enabled() and current.requires_grad:
        return _Fused.apply(current, law)
    held = current.shape[0] > 1 and current.stride(0) == 0
    source = (current[:1] if held else current).detach().contiguous()
    fired = torch.empty(current.shape, dtype=current.dtype)
    if current.numel():
        x, s = source.view(source.shape[0], -1).numpy(), fired.view(fired.shape[0], -1).numpy()
        u = s[:0] if membrane is None else membrane.view(membrane.shape[0], -1).numpy()
        lif_forward(x, s, u, *constants(law, s.dtype), match_threads())  # type: ignore[call-arg]
    return fired


spikes.kernel("cpu", torch.float32, torch.float64, gradient=True)(_fired)


@spikes.kernel("cpu", torch.bfloat16, gradient=True)
def _(current: Tensor, law: Law) -> Tensor:
    return _fired(current.float(), law).to(current.dtype)


@operation
def potentials(current: Tensor, law: Law) -> Tensor:
    """Return the membrane potentials U before the reset (T, ...) for input currents (T, ...)."""
    h = torch.full_like(current[:1].sum(0), law.v_reset)
    found = []
    for x in current:
        found.append(h + law.gain * x)
        fired = (found[-1] >= law.v_threshold).to(x.dtype)
        h = law.v_reset * fired + (law.beta * found[-1] + law.leak) * (1 - fired)
    return torch.stack(found) if found else torch.empty_like(current)


@potentials.kernel("cpu", torch.float32, torch.float64)
def _(current: Tensor, law: Law) -> Tensor:
    membrane = torch.empty(current.shape, dtype=current.dtype)
    _fired(current, law, membrane)
    return membrane


class _Fused(torch.autograd.Function):
    """The loop over time in one kernel; membrane potentials are stored for the backward pass."""

    @staticmethod
    def forward(ctx, current: Tensor, law: Law) -> Tensor:
        membrane = torch.empty(current.shape, dtype=current.dtype)
        fired = _fired(current, law, membrane)
        ctx.law = law
        ctx.save_for_backward(membrane)
        return fired

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        (membrane,) = ctx.saved_tensors
        return _backward(membrane, grad.contiguous(), ctx.law), None


def _backward(membrane: Tensor, grad: Tensor, law: Law) -> Tensor:
    """Return the gradient of the currents (T, ...) for that of the spikes (T, ...)."""
    if grad.shape != membrane.shape:
        raise ValueError(f"the gradient has shape {tuple(grad.shape)}, the spikes {tuple(membrane.shape)}")
    out = torch.empty_like(membrane)
    if out.numel():
        u, gs, gx = (x.view(x.shape[0], -1).numpy() for x in (membrane, grad, out))
        real = u.dtype.type
        lif_backward(
            u, gs, gx, *constants(law, u.dtype), real(law.alpha), law.detach_reset, match_threads()  # type: ignore[call-arg]
        )  # fmt: skip
    return out
