"""The contract of a memory of lines that arrays can hold: scores to weights is digital, the rest is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from memsim.memory.lines import Lines


class Blend(NamedTuple):
    """Weights of lines (B, H, R, N) for R readers; the share (B, H, R) of their own value, or None."""

    weights: Tensor
    own_share: Tensor | None = None


class WrittenMemory(nn.Module, ABC):
    """One memory of lines for each head: every token writes a line and reads those before it.

    forward(q, k, v, gate): q, k (B, H, T, D), v (B, H, T, V), gate (B, H, T, T) or None -> (B, H, T, V), for
    all tokens at once.  ``step`` does the same for one token on `Lines`, which may be arrays.
    """

    own: bool
    """Whether a reader reads the line of its own token."""

    @abstractmethod
    def blend(self, scores: Tensor, gate: Tensor | None, mask: Tensor) -> Blend:
        """Weigh lines by scores k.q and a gate or None (B, H, R, N), and what may be read (R, N)."""

    @abstractmethod
    def operations(self, lines: int) -> Mapping[str, float]:
        """Digital operations of one reader of a head for so many lines, by event of the ledger."""

    def step(
        self, lines: Lines, q: Tensor, k: Tensor, v: Tensor, gate: Tensor | None = None, now: float = 0.0
    ) -> Tensor:
        """Write one token's k and v, read with its q (B, H, D); gate (B, H, N) for the lines it reads."""
        if self.own:
            lines.append(k, v, now)
        out = self.read(lines, q, v, gate, now)
        if not self.own:
            lines.append(k, v, now)
        return out

    def read(self, lines: Lines, q: Tensor, v: Tensor, gate: Tensor | None, now: float = 0.0) -> Tensor:
        """Read all lines with q (B, H, D); v (B, H, V) is the reader's own value."""
        mask = torch.ones(1, len(lines), dtype=torch.bool, device=q.device)
        scores = lines.match(q, now)[..., None, :]
        weights, share = self.blend(scores, None if gate is None else gate[..., None, :], mask)
        out = lines.blend(weights[..., 0, :], now) if len(lines) else torch.zeros_like(v)
        return out if share is None else out + share * v
