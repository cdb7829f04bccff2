"""Convolutions in one, two and three dimensions: a read for each output pixel, of the values under the
kernel.

Groups are blocks of their own: group g reads its C_in / G channels on an array of C_out / G columns.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from memsim.arrays.reading.unrolling import unrolling
from memsim.mapping.lowering.matrix import Matrix
from memsim.mapping.lowering.products import digital, reads, site_of
from memsim.mapping.lowering.registry import lowers


@lowers(nn.Conv1d, nn.Conv2d, nn.Conv3d)
def matrices(layer: Any) -> dict[str, Matrix]:
    """W (C_out, C_in / G, *kernel)."""
    return {"": Matrix("weight", form="convolution", groups=layer.groups, bias="bias")}


def _convolution(function: Any, dims: int) -> None:
    """Register one of torch's convolutions."""

    @reads(function)
    def convolve(
        x: Tensor, weight: Tensor, bias: Tensor | None = None,
        stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    ) -> Any:  # fmt: skip
        site = site_of(weight)
        if site is None:
            return NotImplemented
        x = x.to(site.dtype)
        if x.dim() == dims + 1:  # a single picture
            return convolve(x[None], weight, bias, stride, padding, dilation, groups)[0]
        plan = unrolling(x.shape[1:], site.shape[2:], dilation, padding, stride)
        parts = site.run.now.parts(site.name, x, dims + 1, x.shape[0] * plan.positions * site.shape.numel())
        if parts is None:
            return digital(function, x, weight, bias, stride, padding, dilation, groups)
        numbers = site.read(parts.flatten(4), plan if groups == 1 else plan.of_group(groups), weight, bias)
        out = numbers.reshape(x.shape[0], site.shape[0], *plan.size).contiguous()
        if bias is not None and not (site.bias_rows and site.holds(bias)):
            out = site.add(out, bias.view(-1, *[1] * dims))
        return out.to(x.dtype)


for _function, _dims in ((F.conv1d, 1), (F.conv2d, 2), (F.conv3d, 3)):
    _convolution(_function, _dims)
