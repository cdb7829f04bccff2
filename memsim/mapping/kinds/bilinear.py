"""Bilinear layers: y_o = x^T W_o z + b_o; an array reads z for all pairs (o, row of x), the rest is
digital.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from memsim.mapping.lowering.matrix import Matrix
from memsim.mapping.lowering.products import digital, reads, site_of
from memsim.mapping.lowering.registry import lowers


@lowers(nn.Bilinear)
def matrices(layer: nn.Bilinear) -> dict[str, Matrix]:
    """W (O, I, R), as a matrix of R rows and O I columns."""
    return {"": Matrix("weight", form="bilinear")}


@reads(F.bilinear)
def bilinear(x: Tensor, z: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    """Read a bilinear layer: z drives the rows."""
    site = site_of(weight)
    if site is None:
        return NotImplemented
    outputs, inner, _ = site.shape
    x, z = x.to(site.dtype), z.to(site.dtype)
    parts = site.run.now.parts(site.name, z, 1, z.numel() * outputs * inner)
    if parts is None:
        return digital(F.bilinear, x, z, weight, bias)
    numbers = site.multiply(parts, None, weight).reshape(*z.shape[:-1], outputs, inner)
    out = (numbers * x.to(numbers.dtype).unsqueeze(-2)).sum(-1)
    if not site.run.calibrating:
        site.run.ledger.add(site.name, "digital-mac", numbers.numel())
    return site.add(out, bias).to(x.dtype)
