"""Spiking neurons (leaky integrate-and-fire, time on the first axis), and pooling, addition and mean
modules.
"""

from functools import lru_cache
from math import inf
from typing import final

import torch
from torch import Tensor, nn

from memsim.models.parts.lif import Law, potentials, spikes


@lru_cache(maxsize=64)
def _law(
    tau: float, v_threshold: float, v_reset: float, decay_input: bool, alpha: float, detach_reset: bool
) -> Law:
    """Return the constants of a neuron."""
    gain, leak = (1 / tau, v_reset / tau) if decay_input else (1.0, 0.0)
    return Law(1 - 1 / tau, gain, leak, v_threshold, v_reset, alpha, detach_reset)


@final
class LIF(nn.Module):
    """Leaky integrate-and-fire neurons with hard reset, over currents X of shape (T, ...).

        U[t] = H[t-1] + X[t]                                 Eq. (7), Mondal & Kumar 2025
        S[t] = Theta(U[t] - v_threshold), Theta(0) = 1       Eq. (8)
        H[t] = v_reset S[t] + beta U[t] (1 - S[t])           Eq. (9), beta = 1 - 1/tau, H[-1] = v_reset

    With `decay_input=True` the convention is the default of SpikingJelly: X is divided by tau, and the
    membrane decays towards v_reset (for v_reset = 0 this is the law above with the input X / tau). `tau=inf`
    gives integrate-and-fire neurons without leak. The surrogate derivative of Theta is that of sigmoid(alpha
    z); `detach_reset` excludes the reset from the gradient. The output has the values 0 and 1 in the type and
    shape of X. tau is in time steps, 1 or more; v_threshold must be above v_reset, and alpha positive. Raises
    ValueError otherwise, and for tau=inf with decay_input.

    CPU tensors of float32 and float64 are computed by one kernel in each direction, others by the loop in
    :func:`memsim.models.parts.lif.spikes`, which defines the result.
    """

    def __init__(
        self,
        *,
        tau: float = 2.0,
        v_threshold: float = 1.0,
        v_reset: float = 0.0,
        decay_input: bool = False,
        alpha: float = 4.0,
        detach_reset: bool = True,
    ):
        super().__init__()
        if not tau >= 1:
            raise ValueError(f"tau={tau} time steps: the leak 1 - 1/tau needs tau >= 1; did you pass beta?")
        if tau == inf and decay_input:
            raise ValueError(
                "tau=inf with decay_input: the input divided by tau is 0, so no neuron ever fires"
            )
        if not v_threshold > v_reset:
            raise ValueError(
                f"v_threshold={v_threshold} must be above v_reset={v_reset}, or neurons fire at rest"
            )
        if not alpha > 0:
            raise ValueError(f"alpha={alpha}: the steepness of the surrogate gradient must be positive")
        self.tau, self.v_threshold, self.v_reset = float(tau), float(v_threshold), float(v_reset)
        self.decay_input, self.alpha, self.detach_reset = decay_input, float(alpha), detach_reset

    @property
    def law(self) -> Law:
        """Constants of the neurons, in the form of `Law`."""
        return _law(self.tau, self.v_threshold, self.v_reset, self.decay_input, self.alpha, self.detach_reset)

    def forward(self, current: Tensor) -> Tensor:
        """Return spikes (T, ...) for currents (T, ...); a current expanded over T is read only once."""
        law = _law(self.tau, self.v_threshold, self.v_reset, self.decay_input, self.alpha, self.detach_reset)
        return spikes(current, law)

    def membrane(self, current: Tensor) -> Tensor:
        """Return the membrane potentials U before the reset (T, ...) for currents (T, ...)."""
        return potentials(current, self.law)

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Return the events of one call: neuron updates."""
        return {"neuron-step": output.numel()}

    def extra_repr(self) -> str:
        shown = ("tau", "v_threshold", "v_reset", "decay_input", "alpha", "detach_reset")
        return ", ".join(f"{name}={getattr(self, name)}" for name in shown)


@final
class SpikePool(nn.MaxPool2d):
    """Max-pool with side 2 or 3 and stride 2 over spikes (B, C, h, w), with the result of nn.MaxPool2d.

    Without a gradient it is computed along rows, then along columns, which is several times faster than the
    kernel of torch.
    """

    @property
    def side(self) -> int:
        """Side of the pooling window."""
        assert isinstance(self.kernel_size, int)
        return self.kernel_size

    def forward(self, input: Tensor) -> Tensor:
        side, height, width = self.side, *input.shape[-2:]
        simple = self.stride == 2 and self.padding == (side - 1) // 2 and height % 2 == width % 2 == 0
        if (torch.is_grad_enabled() and input.requires_grad) or side not in (2, 3) or not simple:
            return super().forward(input)  # type: ignore[return-value]
        out = torch.maximum(input[..., 0::2, :], input[..., 1::2, :])
        if side == 3:  # windows overlap: the row before each pair belongs to it too
            torch.maximum(out[..., 1:, :], input[..., 1:-1:2, :], out=out[..., 1:, :])
        rows, out = out, torch.maximum(out[..., 0::2], out[..., 1::2])
        if side == 3:
            torch.maximum(out[..., 1:], rows[..., 1:-1:2], out=out[..., 1:])
        return out

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Return the events of one call: side^2 - 1 comparisons per window."""
        return {"digital-compare": output.numel() * (self.side**2 - 1)}


@final
class Add(nn.Module):
    """Addition of a membrane shortcut, x + y, as a module, so that a ledger can count its additions."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Return the events of one call: one addition per element."""
        return {"digital-add": output.numel()}


@final
class TokenMean(nn.Module):
    """Mean over time and tokens, (T, B, N, D) -> (B, D): Eq. (28) before the classifier."""

    def forward(self, membrane: Tensor) -> Tensor:
        return membrane.mean((0, 2))

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Return the events of one call: one addition per membrane value."""
        return {"digital-add": inputs[0].numel()}
