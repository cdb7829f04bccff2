"""Transposed convolutions: a read for each input pixel gives its patch of the output; patches overlap and are
added digitally.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memsim.mapping.lowering.matrix import Matrix
from memsim.mapping.lowering.products import digital, reads, site_of
from memsim.mapping.lowering.registry import lowers


@lowers(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
def matrices(layer: Any) -> dict[str, Matrix]:
    """W (C_in, C_out / G, *kernel)."""
    return {"": Matrix("weight", form="transposed", groups=layer.groups)}


def _transposed(function: Any, dims: int) -> None:
    """Register one of torch's transposed convolutions."""

    @reads(function)
    def convolve(
        x: Tensor, weight: Tensor, bias: Tensor | None = None,
        stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    ) -> Any:  # fmt: skip
        site = site_of(weight)
        if site is None:
            return NotImplemented
        x = x.to(site.dtype)
        if x.dim() == dims + 1:
            return convolve(x[None], weight, bias, stride, padding, output_padding, groups, dilation)[0]
        outputs, *kernel = site.shape[1:]
        parts = site.run.now.parts(site.name, x, dims + 1, x.numel() * math.prod(site.shape[1:]))
        if parts is None:
            return digital(function, x, weight, bias, stride, padding, output_padding, groups, dilation)
        by_pixel = parts.flatten(5).unflatten(4, (groups, -1)).transpose(-1, -2)  # (..., G, P, C_in / G)
        numbers = site.read(by_pixel.flatten(4), None, weight)  # (T, S, B, P, G, pixels, C)
        columns = numbers.reshape(len(x), groups, -1, outputs * math.prod(kernel)).transpose(-1, -2)
        columns = columns.reshape(len(x), groups * outputs * math.prod(kernel), *x.shape[2:])
        out = _overlap(function, columns, groups * outputs, kernel, stride, padding, output_padding, dilation)
        if not site.run.calibrating:
            site.run.ledger.add(site.name, "digital-add", max(columns.numel() - out.numel(), 0))
        return site.add(out, None if bias is None else bias.view(-1, *[1] * dims)).to(x.dtype)


def _overlap(
    function: Any,
    columns: Tensor,
    outputs: int,
    kernel: list[int],
    stride: Any,
    padding: Any,
    more: Any,
    dilation: Any,
) -> Tensor:
    """Add patches (N, outputs x kernel, *pixels) where they overlap: a transposed convolution by ones."""
    taps = math.prod(kernel)
    ones = torch.eye(taps, dtype=columns.dtype, device=columns.device).reshape(taps, 1, *kernel)
    return function(
        columns,
        ones.repeat(outputs, *[1] * (1 + len(kernel))),
        None,
        stride,
        padding,
        more,
        outputs,
        dilation,
    )


for _function, _dims in ((F.conv_transpose1d, 1), (F.conv_transpose2d, 2), (F.conv_transpose3d, 3)):
    _transposed(_function, _dims)
