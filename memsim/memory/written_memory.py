"""The interface of a memory of lines that arrays can hold.

Arrays compute the scores and the weighted sum of values; the weights are computed from the scores digitally.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from memsim.memory.lines import Lines


class Blend(NamedTuple):
    """Weights of lines (B, H, R, N) for R readers, and the weight (B, H, R) of the reader's own value or
    None.
    """

    weights: Tensor
    own_share: Tensor | None = None


class WrittenMemory(nn.Module, ABC):
    """Memory of lines for each head: every token writes one line and reads the lines before it.

    forward(q, k, v, gate) processes all tokens at once: q, k (B, H, T, D), v (B, H, T, V), gate (B, H, T, T)
    or None; it returns (B, H, T, V).  ``step`` does the same for one token on `Lines`, which may be arrays.
    """

    own: bool
    """Whether a token also reads its own line."""
    block: int = 1
    """Number of lines of a block, if the weights depend on the blocks in which lines were written."""

    @abstractmethod
    def blend(self, scores: Tensor, gate: Tensor | None, mask: Tensor) -> Blend:
        """Return the weights for scores k . q and a gate or None, both (B, H, R, N).

        mask (R, N) is true for the lines that each reader may read.
        """

    def weigh(self, scores: Tensor, gate: Tensor | None, mask: Tensor, first: int) -> Blend:
        """Return what `blend` does for lines from number `first` on, the older ones of which were
        overwritten.

        Blocks begin where they began when their lines were written.
        """
        gone = first % self.block
        if not gone:
            return self.blend(scores, gate, mask)
        parts = (None if x is None else pad(x, (gone, 0)) for x in (scores, gate))
        weights, share = self.blend(*parts, pad(mask, (gone, 0)))  # type: ignore[arg-type]
        return Blend(weights[..., gone:], share)

    @abstractmethod
    def operations(self, lines: int) -> Mapping[str, float]:
        """Return the digital operations of one reader and head for `lines` lines, by event of the ledger."""

    def step(
        self, lines: Lines, q: Tensor, k: Tensor, v: Tensor, gate: Tensor | None = None, now: float = 0.0
    ) -> Tensor:
        """Write k and v of one token, read with its q, and return the result (B, H, V).

        q, k (B, H, D), v (B, H, V); gate (B, H, N) for the lines that are read; now: time [s].
        """
        if self.own:
            lines.append(k, v, now)
        out = self.read(lines, q, v, gate, now)
        if not self.own:
            lines.append(k, v, now)
        return out

    def read(self, lines: Lines, q: Tensor, v: Tensor, gate: Tensor | None, now: float = 0.0) -> Tensor:
        """Read all lines with q (B, H, D) and return (B, H, V); v (B, H, V) is the value of the same
        token.
        """
        mask = torch.ones(1, len(lines), dtype=torch.bool, device=q.device)
        scores = lines.match(q, now)[..., None, :]
        first = lines.count - len(lines)
        weights, share = self.weigh(scores, None if gate is None else gate[..., None, :], mask, first)
        out = lines.blend(weights[..., 0, :], now) if len(lines) else torch.zeros_like(v)
        return out if share is None else out + share * v
