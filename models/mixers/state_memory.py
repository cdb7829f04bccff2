"""The memory of a state-space mixer, digital: all tokens at once as a masked product."""

from __future__ import annotations

from torch import Tensor

from memsim.memory.written_state import WrittenState
from memsim.models.mixers.features import decays


class StateMemory(WrittenState):
    """y = (L . C B^T . Delta) x,  L_ij = exp(sum_{j < m <= i} fade_m)."""

    def forward(self, x: Tensor, b: Tensor, c: Tensor, delta: Tensor, fade: Tensor) -> Tensor:
        weights = decays(fade) * (c @ b.mT)[:, None] * delta[..., None, :]
        return weights @ x
