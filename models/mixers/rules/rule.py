"""The interface of rules, which compute the weights of lines from the scores of readers.

    w = weigh(scores, gate, mask)        all of shape (..., R readers, N lines), or broadcast to it

Lines are ordered by the time of their writing, oldest first.  `gate` is added to the scores and may be None;
`mask` is True where a reader may read a line.  Weights are 0 where the mask is False.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Weigh = Callable[[Tensor, Tensor | None, Tensor], Tensor]
"""Function (scores, gate, mask) -> weights."""

Reads = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Function (scores, weights, mask) -> True for the lines that must be read."""


@dataclass(frozen=True, kw_only=True)
class Operations:
    """Digital operations of a rule for one reader and head."""

    exponentials: float = 0.0  #: per line; a softplus, one exponential and one logarithm, counts as 2
    additions: float = 0.0  #: per line
    multiplications: float = 0.0  #: per line
    comparisons: float = 0.0  #: per line
    divisions: float = 0.0  #: per reader


def everything(scores: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """Return True for every line that the mask allows."""
    return mask.expand_as(weights)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Rule for weights, with its digital operations; its equation is in the file that defines it."""

    name: str
    weigh: Weigh
    own: bool = True  #: whether a reader may read the line of its own token besides those before it
    operations: Operations = Operations()
    reads: Reads = everything  #: which lines must be read, given the weights
    block: int = 1  #: lines of a block, if weights depend on the blocks in which lines were written

    def mask(self, readers: int, lines: int, device: torch.device | str = "cpu") -> Tensor:
        """Return the lines that each reader may read, bool (R, N), for the newest R of N tokens as
        readers.
        """
        at = torch.arange(lines - readers, lines, device=device)[:, None]
        line = torch.arange(lines, device=device)
        return line <= at if self.own else line < at


def ends(mask: Tensor) -> Tensor:
    """Return the number of lines up to the newest that a reader may read, (..., R, 1); 0 if there is none.

    Older lines among them may be masked, as after they were overwritten.
    """
    place = torch.arange(1, mask.shape[-1] + 1, device=mask.device)
    return torch.nn.functional.pad(mask * place, (1, 0)).amax(-1, keepdim=True)


def no_line(mask: Tensor) -> Tensor:
    """Return which readers may not read any line, bool (..., R, 1)."""
    return ~mask.any(-1, keepdim=True)
