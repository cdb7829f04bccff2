"""Neurons whose backward pass stays in one time step: what makes a learning signal of e-prop.

    dS(t) / dX(t') = gain psi(t) [t = t']

Their spikes are those of :class:`LIF`; what reaches a weight from earlier inputs is left to its trace.
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
    """A layer of neurons with the law of a LIF, its gradient that of one time step."""

    def __init__(self, lif: LIF) -> None:
        super().__init__()
        self.law = lif.law

    def forward(self, current: Tensor) -> Tensor:
        """Spikes (T, ...) of currents (T, ...)."""
        return _Instant.apply(current, self.law)  # type: ignore[return-value]

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: neuron updates."""
        return {"neuron-step": output.numel()}

    def extra_repr(self) -> str:
        return f"beta={self.law.beta}, v_threshold={self.law.v_threshold}"


def instant(net: nn.Module) -> nn.Module:
    """A copy of a network with neurons of this kind.  Raises ValueError for one without LIF neurons."""
    net = copy.deepcopy(net)
    found = [(module, name) for module in net.modules() for name, child in module.named_children()
             if isinstance(child, LIF)]  # fmt: skip
    if not found:
        raise ValueError(f"{type(net).__name__} has no LIF neurons: e-prop is a rule of spiking networks")
    for module, name in found:
        setattr(module, name, InstantLIF(getattr(module, name)))
    return net


def decay_of(net: nn.Module) -> float:
    """beta of a network's neurons [1 a step].  Raises ValueError where it is not the same everywhere."""
    found = {m.law.beta for m in net.modules() if isinstance(m, (LIF, InstantLIF))}
    if len(found) != 1:
        raise ValueError(f"neurons with beta = {sorted(found)}: one trace for all layers needs one decay")
    return found.pop()
