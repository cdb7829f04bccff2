"""Linear layers: y = x W^T + b, a read for each row of x."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from memsim.mapping.lowering.matrix import Matrix
from memsim.mapping.lowering.products import ArrayParameter, reads
from memsim.mapping.lowering.registry import lowers


@lowers(nn.Linear)
def matrices(layer: nn.Linear) -> dict[str, Matrix]:
    """W (C, R)."""
    return {"": Matrix("weight", bias="bias")}


@reads(F.linear)
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    """Read a linear layer."""
    site = weight.sites.get(0) if isinstance(weight, ArrayParameter) else None
    return NotImplemented if site is None else site.rows(x, weight, bias)
