"""NIR import: a graph as a torch network over time steps, which trains and runs on crossbars as any other."""

import warnings
from collections.abc import Callable, Iterable
from math import inf
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from memsim.models.exchange.nir_attention import MapAttention, attention_of
from memsim.models.exchange.nir_graph import FIRES_AT, KIND, RESETS_TO
from memsim.models.exchange.nir_reading import NONE, graph_of, lost, time_step, wired
from memsim.models.exchange.per_step import PerStep, Sum
from memsim.models.parts.neurons import LIF


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

    `order` lists the nodes, `sources` what goes into each; `layers` holds their modules, under `keys`.
    """

    def __init__(self, order: list[str], sources: dict[str, list[str]], layers: dict[str, nn.Module]):
        super().__init__()
        self.order, self.sources = order, sources
        self.keys = _keys(layers)
        self.layers = nn.ModuleDict({self.keys[name]: layer for name, layer in layers.items()})
        self.sum = Sum()

    def forward(self, x: Tensor) -> Tensor:
        signals: dict[str, Tensor] = {}
        value = x
        for name in self.order:
            given = [signals[source] for source in self.sources[name]]
            layer = self.layers[self.keys[name]]
            if not given:
                value = layer(x)
            elif isinstance(layer, MapAttention):
                value = layer(*given)
            else:
                value = layer(self.sum(*given) if len(given) > 1 else given[0])
            signals[name] = value
        return value


def from_nir(graph: Any, *, dt: float | None = None, strict: bool = False) -> NIRNetwork:
    """Return the network of a NIR graph, or of the file of one; dt [s] is the duration of a time step.

    dt: default: what memsim wrote into the graph, else 1e-4 as in SpikingJelly and snnTorch. NIR's neurons
    fire above their threshold; memsim's fire at it, so a threshold from elsewhere becomes the next larger
    float32. Numbers of graphs from elsewhere become float32. What is lost, membranes that begin at a v_reset
    other than 0, is warned of; strict=True refuses it. ValueError names the node that has no counterpart, and
    refuses graphs with cycles, loose ends or edges without a node.
    """
    graph = graph_of(graph)
    step = time_step(graph, dt)
    order, sources = wired(graph)
    if missing := lost(graph):
        if strict:
            raise ValueError(f"strict: memsim cannot do {'; '.join(missing)}")
        warnings.warn("; ".join(missing), UserWarning, stacklevel=2)
    net = NIRNetwork(order, sources, {name: _layer(name, graph.nodes[name], step) for name in order})
    return (net if "memsim_dt" in graph.metadata else net.float()).eval()


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


def _weight(node: Any, axes: int) -> Tensor:
    """Return a node's weight, whole numbers as float32. ValueError where it has another number of axes."""
    weight = torch.as_tensor(np.asarray(node.weight))
    if weight.ndim != axes:
        raise ValueError(f"its weight has {weight.ndim} axes, {axes} are needed")
    return weight if weight.is_floating_point() else weight.float()


def _linear(node: Any, dt: float) -> nn.Module:
    weight = _weight(node, 2)
    bias = getattr(node, "bias", None)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, dtype=weight.dtype)
    return _filled(layer, weight, bias)


def _conv2d(node: Any, dt: float) -> nn.Module:
    weight = _weight(node, 4)
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
            numbers = torch.as_tensor(np.asarray(bias))
            if numbers.shape != layer.bias.shape:
                raise ValueError(
                    f"its bias has shape {tuple(numbers.shape)}, its weight {tuple(weight.shape)}"
                )
            layer.bias.copy_(numbers)
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
        own = float(node.metadata.get(RESETS_TO, reset * (1 - 1 / tau)))  # one leak after the spike
        neuron, gain = LIF(tau=tau, v_threshold=threshold, v_reset=own), gain / tau
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


def _keys(names: Iterable[str]) -> dict[str, str]:
    """Return nodes' names as torch allows them, each once: without dots, not empty, no method's name."""
    found: dict[str, str] = {}
    for name in names:
        key = name.replace(".", "_") or "node"
        while key in found.values() or hasattr(nn.ModuleDict, key) or key == "training":
            key += "_"
        found[name] = key
    return found


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
