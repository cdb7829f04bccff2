"""A rule: from the scores of readers against lines to the weights that blend the lines.

    w = weigh(scores, gate, mask)        all of shape (..., R readers, N lines), or broadcast to it

Lines are in the order in which they were written, the oldest first.  `gate` is added to the score, or None;
`mask` is True where a reader may read.  Weights are 0 where the mask is False, or a reader has no line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Weigh = Callable[[Tensor, Tensor | None, Tensor], Tensor]
"""(scores, gate, mask) -> weights."""

Reads = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(scores, weights, mask) -> True where a line has to be read at all."""


@dataclass(frozen=True, kw_only=True)
class Operations:
    """Digital operations of a rule for one reader and head: of each line it may read, and once."""

    exponentials: float = 0.0  #: of each line; a softplus is one exponential and one logarithm, counted as 2
    additions: float = 0.0  #: of each line
    multiplications: float = 0.0  #: of each line
    comparisons: float = 0.0  #: of each line
    divisions: float = 0.0  #: once


def everything(scores: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """Read every line that the mask allows."""
    return mask.expand_as(weights)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule with what it costs.  Equations are in the file of each."""

    name: str
    weigh: Weigh
    own: bool = True  #: a reader may read the line of its own token; else only those before it
    operations: Operations = Operations()
    reads: Reads = everything

    def mask(self, readers: int, lines: int, device: torch.device | str = "cpu") -> Tensor:
        """Lines that each reader may read, bool (R, N); the readers are the newest R tokens.

        With `own`, N lines are those of N tokens, the last reader's own among them.
        """
        at = torch.arange(lines - readers, lines, device=device)[:, None]
        line = torch.arange(lines, device=device)
        return line <= at if self.own else line < at


def no_line(mask: Tensor) -> Tensor:
    """Readers without any line, bool (..., R, 1)."""
    return ~mask.any(-1, keepdim=True)
