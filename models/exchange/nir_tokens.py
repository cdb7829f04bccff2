"""NIR export of the networks of tokens: tokens are places of a map, a linear layer is a convolution."""

import numpy as np
from torch import nn

from memsim.models.exchange.nir_attention import add_attention
from memsim.models.exchange.nir_export import export, exports, weights
from memsim.models.exchange.nir_graph import Draft, nir_library
from memsim.models.networks.s2tdpt import S2TDPT
from memsim.models.networks.spikformer import SpikeBlock, Spikformer
from memsim.models.networks.spikingformer import Spikingformer
from memsim.models.parts.membrane_transformer import (
    Dense,
    MembraneBlock,
    PatchSplitting,
    SelfAttention,
    SpikingMLP,
    Stage,
)
from memsim.models.parts.patch_stem import PatchStem


@exports(S2TDPT, Spikingformer, Spikformer)
def _network(net: S2TDPT | Spikingformer | Spikformer, draft: Draft, name: str, source: str) -> str:
    """Export a network whose input is held over its steps and whose answer is the mean over them."""
    nir = nir_library()
    at = export(net.patches, draft, "patches", source)
    for number, block in enumerate(net.blocks):
        at = export(block, draft, f"blocks.{number}", at)
    dim, *grid = draft.shapes[at]
    side = np.array(grid)
    at = draft.add("mean", nir.AvgPool2d(side, side, np.array([0, 0])), (dim, 1, 1), at)
    flat = nir.Flatten(input_type={"input": np.array([dim, 1, 1])}, start_dim=0, end_dim=-1)
    at = draft.add("mean.flat", flat, (dim,), at)
    draft.notes |= {"memsim_steps": net.config.steps, "memsim_answer": "mean over time of the output"}
    return weights(net.head, None, draft, "head", at)


@exports(PatchSplitting)
def _splitting(patches: PatchSplitting, draft: Draft, name: str, source: str) -> str:
    at = weights(patches.encoder, patches.norm, draft, f"{name}.encoder", source)
    for number, stage in enumerate(patches.stages):
        assert isinstance(stage, Stage)
        where = f"{name}.stages.{number}"
        at = export(stage.pool, draft, f"{where}.pool", export(stage.lif, draft, f"{where}.lif", at))
        at = weights(stage.conv, stage.norm, draft, f"{where}.conv", at)
    return at


@exports(PatchStem)
def _stem(patches: PatchStem, draft: Draft, name: str, source: str) -> str:
    at = source
    for number, stage in enumerate(patches.stages):
        where = f"{name}.stages.{number}"
        at = weights(stage.conv, stage.norm, draft, f"{where}.conv", at)  # type: ignore[arg-type]
        order = (stage.pool, stage.lif) if stage.first else (stage.lif, stage.pool)
        for part in order:
            at = export(part, draft, f"{where}.{'lif' if part is stage.lif else 'pool'}", at)  # type: ignore[arg-type]
    if patches.membrane:
        raise ValueError(f"{name}: membranes beside spikes in the stem are not exported")
    place = weights(patches.conv, patches.norm, draft, f"{name}.conv", at)
    return _added(draft, f"{name}.add", at, export(patches.lif, draft, f"{name}.lif", place))


@exports(MembraneBlock)
def _membrane_block(block: MembraneBlock, draft: Draft, name: str, source: str) -> str:
    mixed = _attention(block.attention, draft, f"{name}.attention", source)
    at = _added(draft, f"{name}.add1", source, mixed)
    return _added(draft, f"{name}.add2", at, _mlp(block.mlp, draft, f"{name}.mlp", at))


def _attention(layer: SelfAttention, draft: Draft, name: str, source: str) -> str:
    spikes = export(layer.lif, draft, f"{name}.lif", source)
    at = _mixed(layer, draft, name, spikes)
    return _dense(layer.proj, draft, f"{name}.proj", export(layer.core_lif, draft, f"{name}.core_lif", at))


def _mixed(layer, draft: Draft, name: str, source: str) -> str:
    """Export Q, K, V, their neurons, the core and its scale."""
    q, k, v = (
        export(lif, draft, f"{name}.{one}_lif", _dense(dense, draft, f"{name}.{one}", source))
        for one, dense, lif in (
            ("q", layer.q, layer.q_lif), ("k", layer.k, layer.k_lif), ("v", layer.v, layer.v_lif),
        )
    )  # fmt: skip
    at = add_attention(layer.core, layer.heads, draft, f"{name}.core", (q, k, v))
    if layer.scale == 1:
        return at
    shape = draft.shapes[at]
    return draft.add(f"{name}.scale", nir_library().Scale(np.full(shape, layer.scale)), shape, at)


def _mlp(mlp: SpikingMLP, draft: Draft, name: str, source: str) -> str:
    if not isinstance(mlp.layernorm, nn.Identity):
        raise ValueError(f"{name}.layernorm: NIR has no layer norm")
    at = _dense(mlp.fc1, draft, f"{name}.fc1", export(mlp.lif1, draft, f"{name}.lif1", source))
    return _dense(mlp.fc2, draft, f"{name}.fc2", export(mlp.lif2, draft, f"{name}.lif2", at))


@exports(SpikeBlock)
def _spike_block(block: SpikeBlock, draft: Draft, name: str, source: str) -> str:
    layer, inner = block.attention, f"{name}.attention"
    at = export(layer.core_lif, draft, f"{inner}.core_lif", _mixed(layer, draft, inner, source))
    at = export(layer.proj_lif, draft, f"{inner}.proj_lif", _dense(layer.proj, draft, f"{inner}.proj", at))
    tokens = _added(draft, f"{name}.add1", source, at)
    at = export(block.lif1, draft, f"{name}.lif1", _dense(block.fc1, draft, f"{name}.fc1", tokens))
    at = export(block.lif2, draft, f"{name}.lif2", _dense(block.fc2, draft, f"{name}.fc2", at))
    return _added(draft, f"{name}.add2", tokens, at)


def _dense(dense: Dense, draft: Draft, name: str, source: str) -> str:
    return weights(dense.linear, dense.norm, draft, name, source)


def _added(draft: Draft, name: str, *sources: str) -> str:
    """Add a place where edges add up: a factor of 1."""
    shape = draft.shapes[sources[0]]
    return draft.add(name, nir_library().Scale(np.ones(shape)), shape, *sources)
