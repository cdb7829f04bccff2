"""LIF neurons whose backward pass stays within one time step, as the learning signal of e-prop needs it.

    dS(t) / dX(t') = gain psi(t) [t = t']

S are the spikes, X the input current and psi the surrogate derivative.  The spikes are those of :class:`LIF`.
The effect of earlier inputs is covered by the eligibility traces (`memsim.learning.eprop`).
"""

from __future__ import annotations

import copy
from typing import final

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from memsim.learning.eprop import slope
from memsim.models.parts.lif import Law, potentials
from memsim.models.parts.neurons import LIF


class _Instant(torch.autograd.Function):
    @staticmethod
    def forward(ctx, current: Tensor, law: Law) -> Tensor:
        membrane = potentials(current, law)
        ctx.law = law
        ctx.save_for_backward(membrane)
        return (membrane - law.v_threshold >= 0).to(current.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        (membrane,) = ctx.saved_tensors
        law = ctx.law
        return grad * slope(membrane, law.v_threshold, law.alpha) * law.gain, None


@final
class InstantLIF(nn.Module):
    """Layer of LIF neurons with gradients within a time step only."""

    def __init__(self, lif: LIF) -> None:
        super().__init__()
        self.law = lif.law

    def forward(self, current: Tensor) -> Tensor:
        """Return spikes (T, ...) for input currents (T, ...)."""
        return _Instant.apply(current, self.law)  # type: ignore[return-value]

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Return the events of one call: the number of neuron updates."""
        return {"neuron-step": output.numel()}

    def extra_repr(self) -> str:
        return f"beta={self.law.beta}, v_threshold={self.law.v_threshold}"


def instant(net: nn.Module) -> nn.Module:
    """Return a copy of a network with every `LIF` replaced by `InstantLIF`.

    Raises ValueError for a network without LIF neurons.
    """
    net = copy.deepcopy(net)
    found = [(module, name) for module in net.modules() for name, child in module.named_children()
             if isinstance(child, LIF)]  # fmt: skip
    if not found:
        raise ValueError(f"{type(net).__name__} has no LIF neurons: e-prop is a rule of spiking networks")
    for module, name in found:
        setattr(module, name, InstantLIF(getattr(module, name)))
    return net


def decay_of(net: nn.Module) -> float:
    """Return the membrane decay beta per time step of the neurons of a network [1].

    Raises ValueError if it differs between neurons or if there are no LIF neurons.
    """
    found = {m.law.beta for m in net.modules() if isinstance(m, (LIF, InstantLIF))}
    if len(found) != 1:
        raise ValueError(f"neurons have beta = {sorted(found)}: e-prop needs the same decay in all layers")
    return found.pop()
