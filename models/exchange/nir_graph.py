"""A NIR graph under construction: nodes with the shapes of their signals, batch norms folded into weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Shape = tuple[int, ...]
DT = 1e-4  #: [s], the time step of SpikingJelly's and snnTorch's NIR exchange
FIRES_AT = "memsim_fires_at"
RESETS_TO = "memsim_v_reset"
KIND = "memsim_kind"


def nir_library() -> ModuleType:
    """Import nir; ImportError says how to come by it."""
    try:
        import nir
    except ImportError:
        raise ImportError("NIR exchange needs the package nir: pip install 'memsim[exchange]'") from None
    return nir


@dataclass
class Draft:
    """Nodes and edges so far, each node's output shape without time and batch, what is lost, notes."""

    dt: float
    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    spikes: set[str] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, node: Any, shape: Shape, *sources: str, spikes: bool = False) -> str:
        """Add a node behind its sources, whose signals add up; returns its name, made unique."""
        base, number = name or "node", 1
        name = base
        while name in self.nodes:
            number += 1
            name = f"{base}_{number}"
        self.nodes[name], self.shapes[name] = node, shape
        self.edges += [(source, name) for source in sources]
        if spikes:
            self.spikes.add(name)
        return name


@contextmanager
def evaluated(net: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode for a while, and each of its modules back into its own."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def array(tensor: Tensor) -> np.ndarray:
    """Return a tensor's numbers."""
    return tensor.detach().cpu().numpy()


def folded(layer: nn.Conv2d | nn.Linear, norm: nn.Module | None) -> tuple[np.ndarray, np.ndarray]:
    """Return weight and bias of a layer and the batch norm behind it in evaluation mode, folded in float64.

    w' = w g / s, b' = (b - mean) g / s + beta, s = sqrt(var + eps). ValueError for a norm without statistics.
    """
    weight = layer.weight.detach().double()
    bias = torch.zeros(len(weight)).double() if layer.bias is None else layer.bias.detach().double()
    if norm is not None:
        assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
        if norm.running_mean is None or norm.running_var is None:
            raise ValueError("a batch norm without running statistics cannot be folded into weights")
        gain = 1 / (norm.running_var.double() + norm.eps).sqrt()
        if norm.affine:
            gain = gain * norm.weight.detach().double()
        bias = (bias - norm.running_mean.double()) * gain
        if norm.affine:
            bias = bias + norm.bias.detach().double()
        weight = weight * gain.view(-1, *[1] * (weight.ndim - 1))
    kind = torch.float32 if layer.weight.dtype == torch.bfloat16 else layer.weight.dtype  # NumPy has none
    return array(weight.to(kind)), array(bias.to(kind))
