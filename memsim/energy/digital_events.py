"""The events of digital work, entered into the ledger as a network's own modules do it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from memsim.energy.ledger import Ledger
from memsim.energy.reports_work import reported, reports

MATRICES = (nn.Linear, nn.Conv2d)
"""Layers that hold a learned matrix."""


def watch_digital(net: nn.Module, ledger: Ledger) -> None:
    """Enter the digital work of a network's own modules: layers that stay digital, normalisation, pooling,
    and whatever a module reports itself.

    A module that does digital work offers ``events`` (`memsim.energy.reports_work`).
    """

    def hook(name: str):
        def enter(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            if not ledger.open:
                return
            if isinstance(module, MATRICES):
                ledger.add(name, *matrix_work(module, inputs[0], output))
            elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                ledger.add(name, "digital-mac", output.numel())
            elif isinstance(module, nn.MaxPool2d):
                ledger.add(name, "digital-compare", compares(module, output))
            else:
                for event, number in reported(name, module, inputs, output).items():
                    ledger.add(name, event, number)

        return enter

    for name, module in net.named_modules():
        if isinstance(module, (*MATRICES, nn.BatchNorm1d, nn.BatchNorm2d, nn.MaxPool2d)) or reports(module):
            module.register_forward_hook(hook(name))


def matrix_work(layer: nn.Linear | nn.Conv2d, x: Tensor, output: Tensor) -> tuple[str, float]:
    """The event of a digital linear layer or convolution and how often it happens.

    Spikes in: ``digital-add`` for each spike and each output it reaches; numbers in: ``digital-mac`` for each
    output and input of it.  Sums start from the bias, which costs nothing.
    """
    if not is_spikes(x):
        return "digital-mac", float(output.numel() * layer.weight[0].numel())
    return "digital-add", ones_and_drives(layer, x)[1] * layer.weight.shape[0]


def compares(layer: nn.MaxPool2d, output: Tensor) -> float:
    """Comparisons of a pooling: one less than its window for each output."""
    size = layer.kernel_size
    window = size**2 if isinstance(size, int) else math.prod(size)
    return float(output.numel() * (window - 1))


def is_spikes(x: Tensor) -> bool:
    """Whether a layer's input is exactly 0 and 1."""
    return bool(((x == 0) | (x == 1)).all())


def ones_and_drives(layer: nn.Linear | nn.Conv2d, spikes: Tensor) -> tuple[float, float]:
    """Ones of an input of 0 and 1, and the rows of the unrolled matrix they drive, over all positions, steps
    and images.
    """
    if isinstance(layer, nn.Linear):
        ones = float(spikes.flatten(0, -2).sum(0).double().sum())  # exact: no column has 2^24 spikes
        return ones, ones
    pixels = spikes.sum((0, 1)).double()[None, None]  # at the edge fewer outputs see one
    kernel = torch.ones(1, 1, *layer.kernel_size, dtype=torch.float64, device=spikes.device)
    seen = nn.functional.conv2d(pixels, kernel, None, layer.stride, layer.padding, layer.dilation)
    return float(pixels.sum()), float(seen.sum()) / layer.groups
