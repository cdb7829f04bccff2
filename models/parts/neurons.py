"""Spiking neurons: the leaky integrate-and-fire layer, time on the first axis, in a plain and a fused form
that agree.
"""

import math
from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from memsim.devices.numerics.compile import match_threads
from memsim.models.parts.lif_kernel import lif_backward, lif_forward


def _flat(tensor: Tensor) -> np.ndarray:
    """The memory of a contiguous tensor (T, ...) as an array (T, M)."""
    return tensor.view(tensor.shape[0], math.prod(tensor.shape[1:])).numpy()


class _Spike(torch.autograd.Function):
    """Theta(z), with the slope of a sigmoid of steepness alpha as its derivative."""

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


class _FusedLIF(torch.autograd.Function):
    """The whole loop over time in one kernel, the membrane potentials kept for the backward pass."""

    @staticmethod
    def forward(ctx, current: Tensor, lif: "LIF") -> Tensor:
        spikes, membrane = lif._fused_spikes(current, keep=True)
        ctx.lif = lif
        ctx.save_for_backward(membrane)
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        (membrane,) = ctx.saved_tensors
        grad_current = torch.empty_like(membrane)
        ctx.lif._fused_gradient(membrane, grad.contiguous(), grad_current)
        return grad_current, None


@final
class LIF(nn.Module):
    """Leaky integrate-and-fire neurons with hard reset, over currents X of shape (T, ...).

        U[t] = H[t-1] + X[t]                                 Eq. (7), Mondal & Kumar 2025
        S[t] = Theta(U[t] - v_threshold), Theta(0) = 1       Eq. (8)
        H[t] = v_reset S[t] + beta U[t] (1 - S[t])           Eq. (9), beta = 1 - 1/tau, H[-1] = v_reset

    `decay_input=True` is SpikingJelly's default convention instead: X is divided by tau, and the leak pulls
    towards v_reset (with v_reset = 0, the paper's law with the input X / tau). The derivative of Theta is
    that of sigmoid(alpha z); `detach_reset` keeps the reset out of the gradient. The result holds 0 and 1 in
    the type and shape of X.

    CPU tensors of float32 and float64 run through one numba kernel each way; anything else through the plain
    loop, which is the definition. `fused=False` asks for the plain loop.
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
        fused: bool = True,
    ):
        super().__init__()
        if not tau >= 1:
            raise ValueError(f"tau={tau} time steps: the leak 1 - 1/tau needs tau >= 1; did you pass beta?")
        if not v_threshold > v_reset:
            raise ValueError(
                f"v_threshold={v_threshold} must be above v_reset={v_reset}, or neurons fire at rest"
            )
        if not alpha > 0:
            raise ValueError(f"alpha={alpha}: the steepness of the surrogate gradient must be positive")
        self.tau, self.v_threshold, self.v_reset = float(tau), float(v_threshold), float(v_reset)
        self.decay_input, self.alpha, self.detach_reset, self.fused = (
            decay_input,
            float(alpha),
            detach_reset,
            fused,
        )

    def _constants(self) -> tuple[float, float, float, float, float]:
        """beta, gain, leak, v_threshold, v_reset, of the law U' = beta U + leak + gain X."""
        gain = 1 / self.tau if self.decay_input else 1.0
        leak = self.v_reset / self.tau if self.decay_input else 0.0
        return 1 - 1 / self.tau, gain, leak, self.v_threshold, self.v_reset

    def forward(self, current: Tensor) -> Tensor:
        """Spikes (T, ...) of the currents (T, ...); a current expanded over T is read once."""
        fits = (
            current.device.type == "cpu"
            and current.dtype in (torch.float32, torch.float64)
            and current.numel() > 0
        )
        if not (self.fused and fits):
            return self.plain(current)
        if torch.is_grad_enabled() and current.requires_grad:
            return _FusedLIF.apply(current, self)
        return self._fused_spikes(current, keep=False)[0]

    def plain(self, current: Tensor) -> Tensor:
        """The loop over time in torch operations: the definition, for any device and type."""
        beta, gain, leak, v_threshold, v_reset = self._constants()
        h = torch.full_like(current[0], v_reset)
        spikes = []
        for x in current:
            u = h + gain * x
            s = _Spike.apply(u - v_threshold, self.alpha)
            spikes.append(s)
            fired = s.detach() if self.detach_reset else s
            h = v_reset * fired + (beta * u + leak) * (1 - fired)
        return torch.stack(spikes)

    def _fused_spikes(self, current: Tensor, *, keep: bool) -> tuple[Tensor, Tensor]:
        """Spikes, and the membrane potentials U before reset (empty unless asked for), each (T, ...)."""
        held = current.shape[0] > 1 and current.stride(0) == 0
        source = (current[:1] if held else current).detach().contiguous()
        spikes = torch.empty(current.shape, dtype=current.dtype)
        membrane = torch.empty_like(spikes) if keep else spikes[:0]
        x, s, u = _flat(source), _flat(spikes), _flat(membrane)
        beta, gain, leak, v_threshold, v_reset = map(s.dtype.type, self._constants())
        lif_forward(x, s, u, beta, gain, leak, v_threshold, v_reset, match_threads())
        return spikes, membrane

    def _fused_gradient(self, membrane: Tensor, grad_spikes: Tensor, grad_current: Tensor) -> None:
        """Fill the gradient of the currents; all (T, ...)."""
        u, gs, gx = _flat(membrane), _flat(grad_spikes), _flat(grad_current)
        real = u.dtype.type
        beta, gain, leak, v_threshold, v_reset = map(real, self._constants())
        law = (beta, gain, leak, v_threshold, v_reset, real(self.alpha), self.detach_reset)
        lif_backward(u, gs, gx, *law, match_threads())

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

    def forward(self, input: Tensor) -> Tensor:
        side, height, width = int(self.kernel_size), *input.shape[-2:]  # type: ignore[arg-type]
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
        return {"digital-compare": output.numel() * (int(self.kernel_size) ** 2 - 1)}  # type: ignore[arg-type]


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
