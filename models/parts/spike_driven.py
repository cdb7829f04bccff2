"""Spike-driven attention: a binary gate for each channel, without weights of token pairs."""

from typing import final

from torch import Tensor

from memsim.digital_only import DigitalOnly
from memsim.models.parts.attention import AbstractAttention
from memsim.models.parts.logic import And
from memsim.models.parts.neurons import LIF


@final
class SpikeDrivenAttention(AbstractAttention, DigitalOnly):
    """Spike-driven self-attention (SDSA; Yao et al. 2023) on spikes q, k, v (T, B, H, N, D_H):

        out_n = q_n AND LIF(sum_m k_m AND v_m)

    The neurons turn the sum over tokens into a binary gate for each channel, equal for all tokens. The result
    is divided by `scale` to cancel the factor that follows every attention core. There are no weights of
    token pairs, so `weights` raises ValueError.
    """

    digital_because = "ANDs and counts of spikes, no matrix: an array has nothing to hold"

    def __init__(self, *, gate: LIF, scale: float):
        super().__init__()
        self.gate, self.scale = gate, scale
        self.meet, self.let_through = And(), And()

    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        raise ValueError("spike-driven attention has gates of channels and no weights of token pairs")

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        gated = self.let_through(self.gate(self.meet(k, v).sum(-2, keepdim=True)), q)
        return gated if self.scale == 1 else gated / self.scale
