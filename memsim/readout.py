"""The read-out of a weight array: read noise, one ADC conversion for each column and tile, a digital sum.

    y_mc = gain_c sum_k ADC(I_kmc + noise sqrt(v_kmc) xi_kmc),   v = g_max sum_r x_r^2 (G+ + G-)

The fused kernel does it in one pass and draws xi on the way; ``plain`` is the same in torch, for gradients
and other devices.  Source of the noise law: aihwkit's PCM_READ (physics.md A1.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from devices import Stream
from devices.compile import match_threads
from memsim import kernels
from memsim.converters import digitise


@dataclass(frozen=True, kw_only=True)
class ReadOut:
    """How the columns of one layer are read: ``levels`` of the ADC (0: none) over ``full_scale_SK`` [A].

    ``gain_SC`` turns amperes into the layer's numbers; ``noise`` [V sqrt(S)] multiplies sqrt(v); ``rng`` has
    keys (S,).
    """

    bits: int
    full_scale_SK: Tensor
    gain_SC: Tensor
    noise: float
    rng: Stream
    images: np.ndarray

    def __call__(
        self, current: Tensor, variance: Tensor | None, steps: int, positions: int
    ) -> tuple[Tensor, int]:
        """Columns (S, K, M, C) [A] with M = steps x images x positions -> (S, M, C), and the clips."""
        if current.requires_grad or current.device.type != "cpu" or current.dtype != torch.float32:
            return self.plain(current, variance, steps, positions)
        levels = 2 ** (self.bits - 1) - 1 if self.bits else 0
        chips, _, vectors, columns = current.shape
        out = torch.zeros(chips, vectors, columns)
        arguments = (
            current.numpy(),
            current.numpy() if variance is None else variance.numpy(),
            np.float32(0.0 if variance is None else self.noise),
            self.rng.keys.reshape(-1),
            self.images,
            (self.full_scale_SK / max(levels, 1)).float().numpy(),
            np.float32(levels),
            self.gain_SC.float().numpy(),
            positions,
            out.numpy(),
        )
        match_threads()
        return out, int(kernels.read_out(*arguments))

    def plain(
        self, current: Tensor, variance: Tensor | None, steps: int, positions: int
    ) -> tuple[Tensor, int]:
        """The same, one torch operation after another; rounding passes gradients straight through."""
        _, tiles, _, columns = current.shape
        if variance is not None:
            shape = (positions, tiles, columns)
            xi = self.rng.normal(shape, image=self.images, step=range(steps), dtype=current.dtype)
            xi = xi.permute(0, 4, 2, 1, 3, 5).reshape(current.shape)  # (S, B, T, P, K, C) -> (S, K, T B P, C)
            current = current + self.noise * variance.sqrt() * xi
        clips = 0
        if self.bits:
            current, clips = digitise(current, self.full_scale_SK[:, :, None, None], self.bits)
        return current.sum(1) * self.gain_SC[:, None, :], clips
