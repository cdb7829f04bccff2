"""Spike-driven attention: a gate for each channel, with neither a product of spikes nor weights of pairs."""

from typing import final

from torch import Tensor

from memsim.digital_only import DigitalOnly
from memsim.models.parts.attention import AbstractAttention
from memsim.models.parts.logic import And
from memsim.models.parts.neurons import LIF


@final
class SpikeDrivenAttention(AbstractAttention, DigitalOnly):
    """SDSA of the spike-driven transformer (Yao et al. 2023), on spikes q, k, v (T, B, H, N, D_H):

        out_n = q_n AND LIF(sum_m k_m AND v_m)

    The sum over tokens is a number for each channel; the neuron makes it a gate, the same for all tokens. The
    result is divided by `scale`, the factor that stands behind every attention core, and so leaves the
    neuron behind it as it is. There is no matrix of weights: `weights` raises ValueError.
    """

    digital_because = "ANDs and counts of spikes, no matrix: an array has nothing to hold"

    def __init__(self, *, gate: LIF, scale: float):
        super().__init__()
        self.gate, self.scale = gate, scale
        self.meet, self.let_through = And(), And()

    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        raise ValueError("spike-driven attention has gates of channels, no weights of token pairs")

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        gated = self.let_through(self.gate(self.meet(k, v).sum(-2, keepdim=True)), q)
        return gated if self.scale == 1 else gated / self.scale
