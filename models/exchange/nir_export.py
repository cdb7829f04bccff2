"""NIR export: a memsim network as a graph that other simulators and chips read.

Source: Pedersen et al., Nat. Commun. 15:8122 (2024), and the package nir 1.0.
"""

from collections.abc import Callable
from math import inf, isfinite
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from memsim.models.exchange.nir_graph import (
    DT,
    FIRES_AT,
    RESETS_TO,
    Draft,
    Shape,
    evaluated,
    folded,
    nir_library,
)
from memsim.models.exchange.per_step import PerStep
from memsim.models.parts.neurons import LIF, SpikePool

Exporter = Callable[[Any, Draft, str, str], str]
"""(module, draft, name, source) -> name of the node that holds the module's output."""
E = TypeVar("E", bound=Exporter)

_exporters: dict[type[nn.Module], Exporter] = {}
FOLLOWED = (nn.Conv2d, nn.Linear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
PASSED = (nn.Identity, nn.Dropout, nn.Dropout2d)


def exports(*kinds: type[nn.Module]) -> Callable[[E], E]:
    """Register what exports modules of a kind."""

    def register(exporter: E) -> E:
        _exporters.update(dict.fromkeys(kinds, exporter))
        return exporter

    return register


def to_nir(net: nn.Module, in_shape: Shape, *, dt: float = DT, strict: bool = False) -> Any:
    """Return the NIR graph of a network in evaluation mode, whose input is (T, B, *in_shape).

    Batch norms are folded; max-pools of spikes become SumPool2d and Threshold, which is exact for 0 and 1;
    dt [s] is the duration of a time step. What NIR has no word for is in a marked subgraph or left out, and
    listed in the graph's metadata, "memsim_lost"; strict=True refuses it instead. NIR's neurons fire above
    their threshold, memsim's at it: nodes say so in their metadata.

    ValueError names the layer that cannot be exported.
    """
    nir = nir_library()
    import memsim.models.exchange.nir_tokens  # noqa: F401  registers the networks of tokens

    if not (isfinite(dt) and dt > 0):
        raise ValueError(f"dt = {dt}: the duration of a time step in seconds, above 0, is needed")
    draft = Draft(dt)
    source = draft.add("input", nir.Input(input_type={"input": np.array(in_shape)}), tuple(in_shape))
    with evaluated(net):
        last = export(net, draft, "", source)
    draft.add("output", nir.Output(output_type={"output": np.array(draft.shapes[last])}), (), last)
    if strict and draft.lost:
        raise ValueError(f"strict: NIR cannot express {'; '.join(draft.lost)}")
    metadata: dict[str, Any] = {"memsim_dt": dt, **draft.notes}
    if draft.lost:
        metadata["memsim_lost"] = "; ".join(draft.lost)
    return nir.NIRGraph(nodes=draft.nodes, edges=draft.edges, metadata=metadata, type_check=False)


def export(module: nn.Module, draft: Draft, name: str, source: str) -> str:
    """Export one module behind a node; ValueError for a kind that no exporter handles."""
    exporter = _exporters.get(type(module))
    if exporter is None:
        kind = f"{type(module).__module__}.{type(module).__qualname__}"
        known = ", ".join(sorted(one.__name__ for one in _exporters))
        raise ValueError(f"{name or 'the network'} ({kind}) cannot be exported to NIR; known are {known}")
    return exporter(module, draft, name, source)


@exports(nn.Sequential)
def _sequence(module: nn.Sequential, draft: Draft, name: str, source: str) -> str:
    """Export a chain; a batch norm is folded into the layer before it."""
    parts = [(f"{name}.{n}".lstrip("."), part) for n, part in module.named_children()]
    parts = [(n, part) for n, part in parts if not isinstance(_bare(part), PASSED)]
    index = 0
    while index < len(parts):
        at, part = parts[index]
        after = _bare(parts[index + 1][1]) if index + 1 < len(parts) else None
        layer = _bare(part)
        if isinstance(layer, FOLLOWED):
            norm = after if isinstance(after, NORMS) else None
            source = _followed(layer, norm, draft, at, source)
            index += norm is not None
        else:
            source = export(part, draft, at, source)
        index += 1
    return source


def _bare(module: nn.Module) -> nn.Module:
    """Return the layer inside a PerStep."""
    return module.layer if isinstance(module, PerStep) else module


@exports(PerStep)
def _per_step(module: PerStep, draft: Draft, name: str, source: str) -> str:
    return export(module.layer, draft, name, source)


@exports(*PASSED)
def _passed(module: nn.Module, draft: Draft, name: str, source: str) -> str:
    return source


@exports(*FOLLOWED)
def _alone(module: nn.Conv2d | nn.Linear, draft: Draft, name: str, source: str) -> str:
    return _followed(module, None, draft, name, source)


def _followed(
    layer: nn.Conv2d | nn.Linear, norm: nn.Module | None, draft: Draft, name: str, source: str
) -> str:
    """Add a layer of a chain. ValueError for one that does not fit its input, or is beside NIR's meaning."""
    shape = draft.shapes[source]
    if isinstance(layer, nn.Linear) and len(shape) != 1:
        raise ValueError(
            f"{name}: NIR's linear layers take one axis, this one the last of {shape}: put a flatten before"
        )
    wanted = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
    if shape[0] != wanted or (isinstance(layer, nn.Conv2d) and len(shape) != 3):
        raise ValueError(f"{name}: its input has shape {shape}, and it takes {wanted}; is in_shape right?")
    return weights(layer, norm, draft, name, source)


@exports(*NORMS)
def _norm(module: nn.Module, draft: Draft, name: str, source: str) -> str:
    raise ValueError(f"{name}: a batch norm must follow a convolution or linear layer, to be folded into it")


def weights(
    layer: nn.Conv2d | nn.Linear, norm: nn.Module | None, draft: Draft, name: str, source: str
) -> str:
    """Add a layer with its norm folded; over a map (C, h, w), a linear layer is a convolution of side 1."""
    nir = nir_library()
    try:
        weight, bias = folded(layer, norm)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    shape = draft.shapes[source]
    if isinstance(layer, nn.Linear) and len(shape) == 1:
        return draft.add(name, nir.Affine(weight=weight, bias=bias), (len(weight),), source)
    if isinstance(layer, nn.Linear):
        node = nir.Conv2d(shape[1:], weight[:, :, None, None], 1, 0, 1, 1, bias)
        return draft.add(name, node, (len(weight), *shape[1:]), source)
    if layer.groups != 1 or isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        raise ValueError(
            f"{name}: NIR's readers take convolutions with groups=1 and padding of zeros given in numbers, "
            f"this one has groups={layer.groups}, padding={layer.padding!r} ({layer.padding_mode})"
        )
    node = nir.Conv2d(shape[1:], weight, layer.stride, layer.padding, layer.dilation, 1, bias)
    return draft.add(name, node, _shape(layer, shape), source)


@exports(LIF)
def _lif(module: LIF, draft: Draft, name: str, source: str) -> str:
    """U' = U + (leak - U + r X) dt/tau by forward Euler, with dt as the time step, is memsim's law."""
    nir = nir_library()
    shape, dt = draft.shapes[source], draft.dt

    def full(value: float) -> np.ndarray:
        return np.full(shape, value)

    threshold, reset = full(module.v_threshold), full(_reset(module, name))
    note: dict[str, Any] = {FIRES_AT: "threshold", RESETS_TO: module.v_reset}
    if module.v_reset != 0:
        draft.lost.append(f"{name}: its membrane begins at v_reset={module.v_reset}, NIR's at 0")
    if module.tau == inf:
        node = nir.IF(r=full(1 / dt), v_threshold=threshold, v_reset=reset, metadata=note)
    else:
        gain = full(1.0 if module.decay_input else module.tau)
        leak = full(module.v_reset if module.decay_input else 0.0)
        node = nir.LIF(
            tau=full(module.tau * dt),
            r=gain,
            v_leak=leak,
            v_threshold=threshold,
            v_reset=reset,
            metadata=note,
        )
    return draft.add(name, node, shape, source, spikes=True)


def _reset(module: LIF, name: str) -> float:
    """Return NIR's v_reset.

    Without decay of the input, memsim's membrane begins the step after a spike at v_reset; NIR's has leaked
    by then, to beta v_reset, beta = 1 - 1/tau.
    """
    if module.decay_input or module.v_reset == 0:
        return module.v_reset
    if module.tau == 1:
        raise ValueError(f"{name}: with tau=1, NIR's neurons forget v_reset={module.v_reset} within a step")
    return module.v_reset / (1 - 1 / module.tau)


@exports(SpikePool, nn.MaxPool2d)
def _max_pool(module: nn.MaxPool2d, draft: Draft, name: str, source: str) -> str:
    """Of spikes: at least one in the window, that is, a sum above a half."""
    nir = nir_library()
    if source not in draft.spikes:
        raise ValueError(f"{name}: a max-pool of numbers that are no spikes has no NIR primitive")
    if module.dilation not in (1, (1, 1)) or module.ceil_mode:
        raise ValueError(f"{name}: NIR has no pools with dilation or ceil_mode")
    shape = _shape(module, draft.shapes[source])
    sizes = [_pair(n) for n in (module.kernel_size, module.stride, module.padding)]
    summed = draft.add(f"{name}.sum", nir.SumPool2d(*sizes), shape, source)
    return draft.add(name, nir.Threshold(np.full(shape, 0.5)), shape, summed, spikes=True)


@exports(nn.AvgPool2d)
def _average_pool(module: nn.AvgPool2d, draft: Draft, name: str, source: str) -> str:
    nir = nir_library()
    if module.ceil_mode or module.divisor_override or (module.padding and not module.count_include_pad):
        raise ValueError(f"{name}: NIR's AvgPool2d counts padding, has no ceil_mode and no other divisor")
    sizes = [_pair(n) for n in (module.kernel_size, module.stride, module.padding)]
    return draft.add(name, nir.AvgPool2d(*sizes), _shape(module, draft.shapes[source]), source)


@exports(nn.Flatten)
def _flatten(module: nn.Flatten, draft: Draft, name: str, source: str) -> str:
    nir = nir_library()
    shape = draft.shapes[source]
    if (module.start_dim, module.end_dim) not in ((1, -1), (2, -1)):
        raise ValueError(f"{name}: only a flatten of everything but time and batch is exported")
    node = nir.Flatten(input_type={"input": np.array(shape)}, start_dim=0, end_dim=-1)
    return draft.add(name, node, (int(np.prod(shape)),), source, spikes=source in draft.spikes)


def _shape(layer: nn.Module, shape: Shape) -> Shape:
    """Return the shape of a layer's output for an input without batch."""
    parameter = next(layer.parameters(), torch.empty(0))
    with torch.no_grad():
        return tuple(layer(torch.zeros(1, *shape, dtype=parameter.dtype)).shape[1:])


def _pair(value: Any) -> np.ndarray:
    """Return a size as (height, width)."""
    return np.array(value if isinstance(value, tuple) else (value, value))
