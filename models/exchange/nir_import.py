"""NIR import: a graph as a torch network over time steps, which trains and runs on crossbars as any other."""

from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter
from math import inf
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from memsim.models.exchange.nir_attention import MapAttention, attention_of, in_order
from memsim.models.exchange.nir_graph import DT, FIRES_AT, KIND, nir_library
from memsim.models.exchange.per_step import PerStep, Sum
from memsim.models.parts.neurons import LIF

NONE = "no feed-forward network with memsim's neurons computes it"


@final
class Scale(nn.Module):
    """x times a constant of its own shape, or one number."""

    scale: Tensor

    def __init__(self, scale: Tensor):
        super().__init__()
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: a multiplication for each value."""
        return {"digital-multiply": output.numel()}


@final
class Above(nn.Module):
    """1 where x is above a threshold, 0 elsewhere."""

    threshold: Tensor

    def __init__(self, threshold: Tensor):
        super().__init__()
        self.register_buffer("threshold", threshold)

    def forward(self, x: Tensor) -> Tensor:
        return (x > self.threshold).to(x.dtype)

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: a compare for each value."""
        return {"digital-compare": output.numel()}


@final
class NIRNetwork(nn.Module):
    """A NIR graph: signals (T, B, *in_shape) -> signals of the output node; several edges into a node add up.

    `order` lists the nodes, `sources` what goes into each; `layers` holds their modules, dots as "_".
    """

    def __init__(self, order: list[str], sources: dict[str, list[str]], layers: dict[str, nn.Module]):
        super().__init__()
        self.order, self.sources = order, sources
        self.layers = nn.ModuleDict({_key(name): layer for name, layer in layers.items()})
        self.sum = Sum()

    def forward(self, x: Tensor) -> Tensor:
        signals: dict[str, Tensor] = {}
        value = x
        for name in self.order:
            given = [signals[source] for source in self.sources[name]]
            layer = self.layers[_key(name)]
            if not given:
                value = layer(x)
            elif isinstance(layer, MapAttention):
                value = layer(*given)
            else:
                value = layer(self.sum(*given) if len(given) > 1 else given[0])
            signals[name] = value
        return value


def from_nir(graph: Any, *, dt: float | None = None) -> NIRNetwork:
    """Return the network of a NIR graph, or of the file of one; dt [s] is the duration of a time step.

    dt: default: what memsim wrote into the graph, else 1e-4 as in SpikingJelly and snnTorch. NIR's neurons
    fire above their threshold; memsim's fire at it, so a threshold from elsewhere becomes the next larger
    float32. ValueError names the node that has no counterpart, and refuses graphs with cycles.
    """
    nir = nir_library()
    if isinstance(graph, str | Path):
        graph = nir.read(str(graph), type_check=False)
    step = dt if dt is not None else float(graph.metadata.get("memsim_dt", DT))
    sources: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for source, target in graph.edges:
        sources[target].append(source)
    for name, node in graph.nodes.items():
        sources[name] = in_order(node, sources[name])
    try:
        order = list(TopologicalSorter(sources).static_order())
    except CycleError as error:
        raise ValueError(f"the graph has a cycle, {' -> '.join(error.args[1])}: {NONE}") from None
    outputs = [name for name, node in graph.nodes.items() if isinstance(node, nir.Output)]
    inputs = [name for name, node in graph.nodes.items() if isinstance(node, nir.Input)]
    if len(outputs) != 1 or len(inputs) != 1:
        raise ValueError(f"the graph has inputs {inputs} and outputs {outputs}: one of each is needed")
    order = [name for name in order if name != outputs[0]] + outputs
    return NIRNetwork(order, sources, {name: _layer(name, graph.nodes[name], step) for name in order}).eval()


def _layer(name: str, node: Any, dt: float) -> nn.Module:
    """Return the module of a node; ValueError for one that has none."""
    kind = type(node).__name__
    if kind == "NIRGraph" and KIND in node.metadata:
        return attention_of(name, node)
    if kind not in LAYERS:
        raise ValueError(f"node {name!r} is a {kind}: {NONE}; known are {', '.join(LAYERS)}")
    try:
        return LAYERS[kind](node, dt)
    except ValueError as error:
        raise ValueError(f"node {name!r} ({kind}): {error}") from None


def _linear(node: Any, dt: float) -> nn.Module:
    weight = torch.as_tensor(np.asarray(node.weight))
    bias = getattr(node, "bias", None)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, dtype=weight.dtype)
    return _filled(layer, weight, bias)


def _conv2d(node: Any, dt: float) -> nn.Module:
    weight = torch.as_tensor(np.asarray(node.weight))
    groups, side = int(node.groups), (weight.shape[2], weight.shape[3])
    padding = node.padding if isinstance(node.padding, str) else _pair(node.padding)
    layer = nn.Conv2d(
        weight.shape[1] * groups, weight.shape[0], side, _pair(node.stride), padding,
        _pair(node.dilation), groups, dtype=weight.dtype,
    )  # fmt: skip
    return PerStep(_filled(layer, weight, node.bias))


def _filled(layer: nn.Linear | nn.Conv2d, weight: Tensor, bias: Any) -> nn.Module:
    """Put numbers into a layer."""
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            assert layer.bias is not None
            layer.bias.copy_(torch.as_tensor(np.asarray(bias)))
    return layer


def _lif(node: Any, dt: float) -> nn.Module:
    """U' = U + (leak - U + r X) dt/tau: an input scaled by r or r dt/tau before memsim's neurons."""
    tau, gain = _one(node.tau, "tau") / dt, _one(node.r, "r")
    leak, reset = _one(node.v_leak, "v_leak"), _one(node.v_reset, "v_reset")
    if tau < 1 - 1e-9:
        raise ValueError(f"tau = {tau * dt} s is shorter than the time step dt = {dt} s; was dt another?")
    tau = max(1.0, round(tau, 9))
    threshold = _threshold(node)
    if leak == reset and (leak != 0 or np.isclose(gain, 1)):
        neuron, gain = LIF(tau=tau, v_threshold=threshold, v_reset=reset, decay_input=True), gain
    elif leak == 0:
        neuron, gain = LIF(tau=tau, v_threshold=threshold, v_reset=reset), gain / tau
    else:
        raise ValueError(
            f"v_leak = {leak} must be 0 or v_reset = {reset}: memsim's neurons leak to one of them"
        )
    return neuron if np.isclose(gain, 1, rtol=1e-6) else nn.Sequential(Scale(torch.tensor(gain)), neuron)


def _if(node: Any, dt: float) -> nn.Module:
    gain = _one(node.r, "r") * dt
    neuron = LIF(tau=inf, v_threshold=_threshold(node), v_reset=_one(node.v_reset, "v_reset"))
    return neuron if np.isclose(gain, 1, rtol=1e-6) else nn.Sequential(Scale(torch.tensor(gain)), neuron)


def _threshold(node: Any) -> float:
    """Return where a neuron fires, at or above NIR's threshold."""
    threshold = _one(node.v_threshold, "v_threshold")
    if node.metadata.get(FIRES_AT) in ("threshold", b"threshold"):
        return threshold
    return float(np.nextafter(np.float32(threshold), np.float32(np.inf)))


def _one(values: Any, what: str) -> float:
    """Return the one value of all neurons of a node."""
    found = np.unique(np.asarray(values, dtype=np.float64))
    if len(found) != 1:
        raise ValueError(
            f"{what} differs between neurons, from {found[0]} to {found[-1]}; one value is needed"
        )
    return float(found[0])


def _scale(node: Any, dt: float) -> nn.Module:
    """Return nothing where the factor is 1: a place where edges add up."""
    scale = np.asarray(node.scale)
    return nn.Identity() if bool((scale == 1).all()) else Scale(torch.as_tensor(scale))


def _sum_pool(node: Any, dt: float) -> nn.Module:
    side, stride, padding = (_pair(n) for n in (node.kernel_size, node.stride, node.padding))
    return PerStep(nn.AvgPool2d(side, stride, padding, divisor_override=1))


def _average_pool(node: Any, dt: float) -> nn.Module:
    side, stride, padding = (_pair(n) for n in (node.kernel_size, node.stride, node.padding))
    return PerStep(nn.AvgPool2d(side, stride, padding))


def _flatten(node: Any, dt: float) -> nn.Module:
    start, end = int(node.start_dim), int(node.end_dim)
    return nn.Flatten(start + 2 if start >= 0 else start, end + 2 if end >= 0 else end)


def _pair(value: Any) -> tuple[int, int]:
    height, width = np.broadcast_to(np.asarray(value), 2)
    return int(height), int(width)


def _key(name: str) -> str:
    """Return a node's name as torch allows it."""
    return name.replace(".", "_")


LAYERS: dict[str, Callable[[Any, float], nn.Module]] = {
    "Input": lambda node, dt: nn.Identity(),
    "Output": lambda node, dt: nn.Identity(),
    "Affine": _linear,
    "Linear": _linear,
    "Conv2d": _conv2d,
    "LIF": _lif,
    "IF": _if,
    "SumPool2d": _sum_pool,
    "AvgPool2d": _average_pool,
    "Threshold": lambda node, dt: Above(torch.as_tensor(np.asarray(node.threshold))),
    "Scale": _scale,
    "Flatten": _flatten,
}
"""NIR's primitives by name, and what makes their modules."""
