"""Attention in NIR, which has no product of two signals: a subgraph with inputs q, k, v, marked by metadata.

A reader that does not know the marks finds an output without a source, and cannot run it by mistake.
"""

from collections.abc import Mapping
from math import inf
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from memsim.models.exchange.nir_graph import KIND, Draft, array, nir_library
from memsim.models.parts.attention import AbstractAttention, STDPAttention
from memsim.models.parts.neurons import LIF
from memsim.models.parts.relatives import DotAttention
from memsim.models.parts.spike_driven import SpikeDrivenAttention
from memsim.models.parts.stdp import Window

INPUTS = ("memsim_q", "memsim_k", "memsim_v")
"""Names of the nodes whose signals are queries, keys and values."""
GATE = ("tau", "v_threshold", "v_reset", "decay_input", "alpha", "detach_reset")


@final
class MapAttention(nn.Module):
    """An attention core on maps q, k, v (T, B, H D_H, h, w), whose places are the tokens."""

    def __init__(self, core: AbstractAttention, heads: int):
        super().__init__()
        self.core, self.heads = core, heads

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        tokens = (one.flatten(3).transpose(2, 3).unflatten(3, (self.heads, -1)) for one in (q, k, v))
        mixed = self.core(*(one.transpose(2, 3) for one in tokens))
        return mixed.transpose(2, 3).flatten(3).transpose(2, 3).unflatten(3, q.shape[3:])


def add_attention(
    core: AbstractAttention, heads: int, draft: Draft, name: str, sources: tuple[str, str, str]
) -> str:
    """Add the marked subgraph of a core behind its queries, keys and values; ValueError for other cores."""
    nir = nir_library()
    shape = draft.shapes[sources[0]]
    size = np.array(shape)
    nodes: dict[str, Any] = {one: nir.Input(input_type={"input": size}) for one in "qkv"}
    nodes["output"] = nir.Output(output_type={"output": size})
    metadata = _marks(core, name) | {"heads": heads} | dict(zip(INPUTS, sources, strict=True))
    graph = nir.NIRGraph(nodes=nodes, edges=[], metadata=metadata, type_check=False)
    draft.lost.append(f"{name}: attention is a product of two signals")
    return draft.add(name, graph, shape, *sources)


def _marks(core: AbstractAttention, name: str) -> dict[str, Any]:
    """Return what fixes a core, as plain values."""
    if isinstance(core, STDPAttention):
        if core.window.tabulated is not None:
            raise ValueError(f"{name}: a tabulated STDP window is not exported")
        window = {f"window_{key}": value for key, value in core.window.model_dump(exclude_none=True).items()}
        return {KIND: "stdp", "head_dim": core.head_dim, "silent": core.silent, **window}
    if isinstance(core, DotAttention):
        return {KIND: "dot", "gain": array(core.gain)}
    if isinstance(core, SpikeDrivenAttention):
        gate = {f"gate_{key}": getattr(core.gate, key) for key in GATE}
        return {KIND: "sdsa", "scale": core.scale, **gate}
    raise ValueError(f"{name}: {type(core).__name__} is not exported; known are STDP, dot-product and SDSA")


def in_order(node: Any, sources: list[str]) -> list[str]:
    """Return the sources of an attention as queries, keys, values; those of other nodes as they are."""
    if KIND not in (getattr(node, "metadata", None) or {}):
        return sources
    named = [_text(node.metadata[one]) for one in INPUTS]
    if sorted(named) != sorted(sources):
        raise ValueError(f"an attention's metadata names inputs {named}, its edges come from {sources}")
    return named


def attention_of(name: str, node: Any) -> MapAttention:
    """Return the module of a marked subgraph; ValueError for marks that this version does not know."""
    marks: Mapping[str, Any] = node.metadata
    kind, heads = _text(marks[KIND]), int(marks["heads"])
    if kind == "stdp":
        window = {key[7:]: _value(marks[key]) for key in marks if key.startswith("window_")}
        core: AbstractAttention = STDPAttention(
            heads=heads, head_dim=int(marks["head_dim"]), window=Window(**window),
            silent=_text(marks["silent"]),  # type: ignore[arg-type]
        )  # fmt: skip
    elif kind == "dot":
        core = DotAttention(gain=torch.as_tensor(np.asarray(marks["gain"])))
    elif kind == "sdsa":
        gate = {key: _value(marks[f"gate_{key}"]) for key in GATE}
        gate["tau"] = inf if np.isinf(gate["tau"]) else gate["tau"]
        core = SpikeDrivenAttention(gate=LIF(**gate), scale=float(marks["scale"]))
    else:
        raise ValueError(f"node {name!r}: attention of kind {kind!r} is not known here")
    return MapAttention(core, heads)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _value(value: Any) -> Any:
    """Return a plain value of what a file gave."""
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value
