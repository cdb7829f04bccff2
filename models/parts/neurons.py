"""Spiking neurons: the leaky integrate-and-fire layer, time on the first axis, and what stands around it."""

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
    """The constants of a neuron's law."""
    gain, leak = (1 / tau, v_reset / tau) if decay_input else (1.0, 0.0)
    return Law(1 - 1 / tau, gain, leak, v_threshold, v_reset, alpha, detach_reset)


@final
class LIF(nn.Module):
    """Leaky integrate-and-fire neurons with hard reset, over currents X of shape (T, ...).

        U[t] = H[t-1] + X[t]                                 Eq. (7), Mondal & Kumar 2025
        S[t] = Theta(U[t] - v_threshold), Theta(0) = 1       Eq. (8)
        H[t] = v_reset S[t] + beta U[t] (1 - S[t])           Eq. (9), beta = 1 - 1/tau, H[-1] = v_reset

    `decay_input=True` is SpikingJelly's default convention instead: X is divided by tau, and the leak pulls
    towards v_reset (with v_reset = 0, the paper's law with the input X / tau). `tau=inf` has no leak: the
    integrate-and-fire neuron. The derivative of Theta is
    that of sigmoid(alpha z); `detach_reset` keeps the reset out of the gradient. The result holds 0 and 1 in
    the type and shape of X.

    CPU tensors of float32 and float64 run through one kernel each way, anything else through the loop of
    :func:`memsim.models.parts.lif.spikes`, which is the definition.
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
            raise ValueError("tau=inf with decay_input: the input over tau is 0, no neuron ever fires")
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
        """The constants of U' = beta U + leak + gain X."""
        return _law(self.tau, self.v_threshold, self.v_reset, self.decay_input, self.alpha, self.detach_reset)

    def forward(self, current: Tensor) -> Tensor:
        """Spikes (T, ...) of the currents (T, ...); a current expanded over T is read once."""
        law = _law(self.tau, self.v_threshold, self.v_reset, self.decay_input, self.alpha, self.detach_reset)
        return spikes(current, law)

    def membrane(self, current: Tensor) -> Tensor:
        """Membrane potentials U before reset (T, ...) of the currents (T, ...)."""
        return potentials(current, self.law)

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: neuron updates."""
        return {"neuron-step": output.numel()}

    def extra_repr(self) -> str:
        shown = ("tau", "v_threshold", "v_reset", "decay_input", "alpha", "detach_reset")
        return ", ".join(f"{name}={getattr(self, name)}" for name in shown)


@final
class SpikePool(nn.MaxPool2d):
    """Max-pool with side 2 or 3 and stride 2 over spikes (B, C, h, w), an OR; the result is nn.MaxPool2d's.

    Without a gradient to keep it takes rows first, then columns: torch's own kernel is several times slower.
    """

    @property
    def side(self) -> int:
        """Side of a window."""
        assert isinstance(self.kernel_size, int)
        return self.kernel_size

    def forward(self, input: Tensor) -> Tensor:
        side, height, width = self.side, *input.shape[-2:]
        simple = self.stride == 2 and self.padding == (side - 1) // 2 and height % 2 == width % 2 == 0
        if (torch.is_grad_enabled() and input.requires_grad) or side not in (2, 3) or not simple:
            return super().forward(input)  # type: ignore[return-value]
        out = torch.maximum(input[..., 0::2, :], input[..., 1::2, :])
        if side == 3:  # windows overlap: the row before the pair belongs to it too
            torch.maximum(out[..., 1:, :], input[..., 1:-1:2, :], out=out[..., 1:, :])
        rows, out = out, torch.maximum(out[..., 0::2], out[..., 1::2])
        if side == 3:
            torch.maximum(out[..., 1:], rows[..., 1:-1:2], out=out[..., 1:])
        return out

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: a compare for each value of a window but the first."""
        return {"digital-compare": output.numel() * (self.side**2 - 1)}


@final
class Add(nn.Module):
    """A membrane shortcut, x + y: its own module so that a ledger can count the additions."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: one addition per element."""
        return {"digital-add": output.numel()}


@final
class TokenMean(nn.Module):
    """Mean over time and tokens, (T, B, N, D) -> (B, D): Eq. (28) before the classifier."""

    def forward(self, membrane: Tensor) -> Tensor:
        return membrane.mean((0, 2))

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: one addition per membrane value."""
        return {"digital-add": inputs[0].numel()}
