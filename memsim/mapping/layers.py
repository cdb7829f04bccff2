"""A network's leaf layers, executed on arrays: linear layers, unrolled convolutions, attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from memsim.arrays.reading.unrolling import unrolling
from memsim.arrays.weight_array import WeightArray
from memsim.arrays.written_attention import WrittenAttention
from memsim.devices.toml_file import CardError
from memsim.energy.digital_events import MATRICES
from memsim.run import Run


class CrossbarLinear(nn.Module):
    """nn.Linear on weight arrays: (..., R) -> (..., C); the bias is added digitally after the ADC.

    Inputs are (T, B, N, R), (T, B, R) or (B, R); the batch axis holds chips x images, chip-major.
    """

    def __init__(
        self, name: str, layer: nn.Linear, run: Run, array: Callable[..., Any] = WeightArray
    ) -> None:
        super().__init__()
        self.run = run
        self.array = array(name, layer.weight.T, run)
        self.bias = (
            None
            if layer.bias is None
            else nn.Parameter(layer.bias.detach().to(run.dtype), requires_grad=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        batch_axis = 0 if x.dim() == 2 else 1
        steps = 1 if batch_axis == 0 else x.shape[0]
        chips = len(self.run.chips)
        images = x.shape[batch_axis] // chips
        out = self.array.read(x.reshape(steps, chips, images, -1, x.shape[-1]))
        return _add_bias(self, out).reshape(*x.shape[:-1], -1)


class CrossbarConv2d(nn.Module):
    """nn.Conv2d unrolled onto weight arrays: every output pixel is one read of C_in k k rows.

    Input (T B, C_in, h, w), the first axis time-major, then chips x images.  Groups and dilation are refused.
    """

    def __init__(
        self, name: str, layer: nn.Conv2d, run: Run, array: Callable[..., Any] = WeightArray
    ) -> None:
        super().__init__()
        if layer.groups != 1 or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
            raise ValueError(
                f"{name}: only plain convolutions map to arrays; this one has groups or another padding"
            )
        self.run, self.kernel, self.stride = run, layer.kernel_size, layer.stride
        self.padding, self.dilation = layer.padding, layer.dilation
        self.array = array(name, layer.weight.flatten(1).T, run)
        self.bias = (
            None
            if layer.bias is None
            else nn.Parameter(layer.bias.detach().to(run.dtype), requires_grad=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        chips, images = len(self.run.chips), len(self.run.images)
        patches = unrolling(x.shape[1:], self.kernel, self.dilation, self.padding, self.stride)
        out = self.array.read(x.reshape(-1, chips, images, x[0].numel()), patches)
        out = _add_bias(self, out).transpose(-1, -2).flatten(0, 2)  # (T B, C, P)
        size = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, p, d, k, s in zip(
                x.shape[2:], self.padding, self.dilation, self.kernel, self.stride, strict=True
            )
        ]
        return out.unflatten(2, size)


def _add_bias(layer: CrossbarLinear | CrossbarConv2d, out: Tensor) -> Tensor:
    if layer.bias is None:
        return out
    if not layer.run.calibrating:
        layer.run.ledger.add(layer.array.name, "digital-add", out.numel())
    return out + layer.bias


def matrix_layers(net: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of a network that hold a learned matrix, by name, in order."""
    return [(name, m) for name, m in net.named_modules() if type(m) in MATRICES]


def attention_layers(net: nn.Module) -> list[tuple[str, WrittenAttention]]:
    """The attention leaves whose weights depend on two spike counts alone: what pulses can write."""
    return [(name, m) for name, m in net.named_modules() if isinstance(m, WrittenAttention)]


def digital_layers(patterns: Iterable[str], names: Sequence[str]) -> set[str]:
    """Those of the names that match a pattern with shell wildcards; CardError for a pattern that matches
    none, with the nearest.
    """
    found: set[str] = set()
    for pattern in sorted(patterns):
        matching = {name for name in names if fnmatchcase(name, pattern)}
        if not matching:
            parents = {name[: i + 1] + "*" for name in names for i, c in enumerate(name) if c == "."}
            near = get_close_matches(pattern, [*names, *sorted(parents)], 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise CardError(f"digital = {pattern!r}: no such layer{hint} (known: {', '.join(names)})")
        found |= matching
    return found


def replace(net: nn.Module, name: str, layer: nn.Module) -> None:
    """Put a layer where another was."""
    parent, _, leaf = name.rpartition(".")
    setattr(net.get_submodule(parent), leaf, layer)


def finite_images(x: Tensor) -> None:
    """Refuse pictures with NaN or infinity, and say where."""
    if not torch.isfinite(x).all():
        bad = int((~torch.isfinite(x)).flatten(1).any(1).nonzero()[0])
        raise ValueError(f"image {bad}: pixels hold NaN or infinity; every pixel must lie in [0, 1]")
