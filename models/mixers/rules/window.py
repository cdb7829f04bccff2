"""Windowed softmax: attention to lines `newest` to `oldest` positions before the reader (arXiv 2507.03285).

w_ij = softmax_j(z_ij)  over  newest <= i - j <= oldest
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from memsim.models.mixers.rules.controls import only_used
from memsim.models.mixers.rules.rule import Operations, Rule, ends
from memsim.models.mixers.rules.softmax import softmax


def windowed(
    scores: Tensor, gate: Tensor | None, mask: Tensor, *, newest: int, oldest: int | None = None
) -> Tensor:
    """Return softmax weights within a window; the newest line that a reader may read is at distance 1.

    oldest None: no limit.  Shapes as in `Rule`.
    """
    back = ends(mask) - torch.arange(mask.shape[-1], device=mask.device)
    inside = (back >= newest) & (back <= (mask.shape[-1] if oldest is None else oldest))
    return softmax(scores, gate, mask & inside)


def window(newest: int, oldest: int | None = None) -> Rule:
    """Return the rule of a window from `newest` to `oldest` positions back; oldest None: no limit.

    Raises ValueError unless 1 <= newest <= oldest.
    """
    if newest < 1 or (oldest is not None and oldest < newest):
        raise ValueError(f"newest = {newest}, oldest = {oldest}: 1 <= newest <= oldest is needed")
    return Rule(
        name="window",
        weigh=partial(windowed, newest=newest, oldest=oldest),
        own=False,
        operations=Operations(exponentials=1, additions=1, multiplications=1, divisions=1),
        reads=only_used,
    )
