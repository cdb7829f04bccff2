"""How large a network is: parameters, and operations of one time step of one image, from its shape alone."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from memsim.models.networks.architecture import create
from memsim.models.networks.network import NetworkConfig
from memsim.models.networks.vit import SelfAttention as SoftmaxAttention
from memsim.models.parts.attention import AbstractAttention
from memsim.models.parts.gates import Gates
from memsim.models.parts.neurons import LIF
from memsim.models.parts.spike_driven import SpikeDrivenAttention


@dataclass(frozen=True)
class Size:
    """Counts of one network for one image."""

    parameters: int
    macs: int
    """Multiply-adds of one time step, were every input a number: layers without their biases and norms, and
    the products q k^T and A v of attention that has weights of token pairs."""
    gate_macs: int
    """Those of gates: once an image, but for the multiplications, which are those of a step."""
    neurons: int
    """Neurons, each updated once a step."""
    layers: dict[str, int]
    """Multiply-adds of one step by layer."""


def size_of(config: NetworkConfig) -> Size:
    """Count a network from its configuration, without memory for its weights: torch's meta device.

    Biases, batch norms, poolings, shortcuts and means are not counted. ValueError for a configuration whose
    class is not registered.
    """
    with torch.device("meta"):
        net = create(config).eval()
    counter = _Counter(net)
    with torch.no_grad():
        net(torch.empty(1, *config.in_shape, device="meta"))
    gates = sum(counter.gates.values())
    parameters = sum(p.numel() for p in net.parameters())
    return Size(parameters, sum(counter.macs.values()), gates, sum(counter.neurons), counter.macs)


class _Counter:
    """Hooks that count; the first axis of what a layer sees is time, or the one image where there is none."""

    def __init__(self, net: nn.Module):
        self.macs: dict[str, int] = {}
        self.gates: dict[str, int] = {}
        self.neurons: list[int] = []
        inside = [name for name, module in net.named_modules() if isinstance(module, Gates)]
        for name, module in net.named_modules():
            gated = any(name == gate or name.startswith(f"{gate}.") for gate in inside)
            counts = self.gates if gated else self.macs
            module.register_forward_hook(
                lambda module, inputs, out, name=name, counts=counts: self._add(
                    counts, name, module, inputs, out
                )
            )

    def _add(self, counts: dict[str, int], name: str, module: nn.Module, inputs: tuple, out: Tensor) -> None:
        if isinstance(module, LIF):
            self.neurons.append(out[0].numel())
        elif found := _macs(module, inputs[0], out):
            counts[name] = counts.get(name, 0) + found


def _macs(module: nn.Module, x: Tensor, out: Tensor) -> int:
    """Multiply-adds of one call for one entry of the first axis."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        return out[0].numel() * module.weight[0].numel()
    if isinstance(module, Gates):
        return module.multiplications(x[0])
    pairs = isinstance(module, AbstractAttention) and not isinstance(module, SpikeDrivenAttention)
    if pairs or isinstance(module, SoftmaxAttention):
        return 2 * x.shape[-2] * x[0].numel()
    return 0
