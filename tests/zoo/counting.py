"""Events of a network's arrays counted by hand: numpy over the inputs of the digital network's layers."""

from __future__ import annotations

import math
from collections import Counter
from itertools import product

import numpy as np
import torch
from torch import nn

from tests.zoo.entry import Inputs

ROWS, COLUMNS = 20, 8
"""Tile of the arrays that are counted: small, so that every layer has several."""


def vectors(layer: nn.Linear | nn.Conv2d, x: np.ndarray) -> np.ndarray:
    """What drives the rows of a layer's blocks, (G, vectors, R)."""
    if isinstance(layer, nn.Linear):
        return x.reshape(1, -1, x.shape[-1])
    (top, left), (down, right) = layer.padding, layer.stride  # type: ignore[misc]
    (high, wide), (over, across) = layer.kernel_size, layer.dilation
    x = np.pad(x, [(0, 0), (0, 0), (top, top), (left, left)])
    tall = (x.shape[2] - over * (high - 1) - 1) // down + 1
    broad = (x.shape[3] - across * (wide - 1) - 1) // right + 1
    under = [
        x[:, :, i * over :, j * across :][:, :, ::down, ::right][:, :, :tall, :broad]
        for i, j in product(range(high), range(wide))
    ]
    patches = np.stack(under, 2)  # (N, C, k, h, w)
    by_group = patches.reshape(len(x), layer.groups, -1, tall * broad)
    return by_group.transpose(1, 0, 3, 2).reshape(layer.groups, -1, by_group.shape[2])


class Count:
    """Events of every layer over all calls of one run of a digital network."""

    def __init__(self, net: nn.Module, inputs: Inputs) -> None:
        self.events: Counter[tuple[str, str]] = Counter()
        self.columns: dict[str, int] = {}  # of all row tiles
        self.squares: dict[str, np.ndarray] = {}  # sum of x^2 of each row of each block, (G, R)
        for name, layer in net.named_modules():
            if isinstance(layer, (nn.Linear, nn.Conv2d)):
                layer.register_forward_pre_hook(lambda m, x, n=name: self.add(n, m, x[0].double().numpy()))
        with torch.no_grad():
            net(*inputs.args, **inputs.kwargs)

    def add(self, name: str, layer: nn.Linear | nn.Conv2d, x: np.ndarray) -> None:
        """Count one call of a layer."""
        drives = vectors(layer, x)
        groups, many, rows = drives.shape
        columns = len(layer.weight) // groups
        tall, wide = math.ceil(rows / ROWS), math.ceil(columns / COLUMNS)
        spikes = bool(np.isin(x, (0.0, 1.0)).all())
        self.events[name, "row-drive"] += np.count_nonzero(drives) * wide
        inside = vectors(layer, np.ones_like(x)).sum()  # a border takes no DAC
        self.events[name, "dac-conversion"] += 0 if spikes else inside * wide
        outputs = groups * many * columns
        self.events[name, "adc-8b"] += outputs * tall
        self.events[name, "sample-hold"] += outputs * tall
        bits = x.size * (1 if spikes else 8)
        self.events[name, "router-bit"] += bits
        self.events[name, "bus-bit"] += bits * wide + outputs * tall * 8
        self.columns[name] = groups * columns * tall
        self.events[name, "digital-add"] += outputs * (tall - 1)
        if layer.bias is not None:
            self.events[name, "digital-add"] += outputs
        self.squares[name] = self.squares.get(name, 0) + (drives**2).sum(1)
