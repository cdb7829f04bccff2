"""Hierarchical sparse attention (arXiv 2504.16795) over chunks of the lines of a sequence.

    l_c = W mean_{j in c} k_j,   s_ic = q_i . l_c / sqrt D,   then the rule of `hierarchical.chunks`

A chunk is read only after it is complete, so the newest tokens are visible through the short convolution
only.  (The authors combine it with a state-space mixer and recommend a sliding window.)  Their chunks come
from an encoder in the middle layer, which all higher layers share; here every layer has its own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from memsim.models.mixers.attention import Attention, AttentionState
from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.hierarchical import chunks

CHUNK, KEPT = 4, 4
"""Number of lines of a chunk, and number of chunks that a reader reads."""


class Hierarchical(Attention):
    """Attention whose gate is the score of the chunk of a line; keep: chunks read, None: all."""

    def __init__(self, shape: Shape, keep: int | None = KEPT) -> None:
        super().__init__(shape, chunks(CHUNK, keep))
        self.landmark = nn.Linear(shape.head_width, shape.head_width, bias=False)

    def gates(self, x: Tensor, q: Tensor, k: Tensor) -> Tensor:
        return self._scores(q, k)[..., : k.shape[2]]

    def gate_now(self, x: Tensor, q: Tensor, k: Tensor, state: AttentionState) -> Tensor:
        state.faded.append(k)
        keys = torch.stack(state.faded, -2)
        return self._scores(q[..., None, :], keys)[..., 0, : state.tokens - 1]

    def _scores(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the score of the chunk of every line (B, H, R, N); undefined for incomplete chunks."""
        whole = pad(k, (0, 0, 0, -k.shape[2] % CHUNK)).unflatten(2, (-1, CHUNK))
        scores = q @ self.landmark(whole.mean(3)).mT * q.shape[-1] ** -0.5
        return scores.repeat_interleave(CHUNK, -1)


@mixer("hierarchical")
def hierarchical(shape: Shape) -> Attention:
    """Build hierarchical sparse attention that reads the four best chunks of four lines each."""
    return Hierarchical(shape)
