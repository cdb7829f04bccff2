"""The digital memory of a state-space mixer: all tokens at once as a masked matrix product."""

from __future__ import annotations

from torch import Tensor

from memsim.memory.written_state import WrittenState
from memsim.models.mixers.features import decays


class StateMemory(WrittenState):
    """State of a state-space mixer, in masked form: y = (L . C B^T . Delta) x, elementwise products.

    L_ij = exp(sum_{j < m <= i} fade_m) for j <= i, else 0 (Mamba-2, arXiv 2405.21060).
    """

    def forward(self, x: Tensor, b: Tensor, c: Tensor, delta: Tensor, fade: Tensor) -> Tensor:
        weights = decays(fade) * (c @ b.mT)[:, None] * delta[..., None, :]
        return weights @ x
