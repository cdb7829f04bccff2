"""The training pass of networks of membrane blocks over rows, norms and neurons fused: fp32, or bf16.

A place of a map, or a token, is a row of channels, so convolutions run channels last and tokens need no
transposes. In bf16, weights are rounded for each use and spikes are exact; the encoder sees pixels in
float32, and membranes of tokens, statistics of norms, attention and the head are float32, too.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from memsim.models.networks.network import check_input
from memsim.models.networks.token_network import TokenNetwork
from memsim.models.parts.attention import STDPAttention
from memsim.models.parts.level_attention import attend_in_rows
from memsim.models.parts.membrane_transformer import (
    Dense,
    MembraneBlock,
    PatchSplitting,
    SelfAttention,
    Stage,
)
from memsim.models.parts.neurons import LIF, SpikePool
from memsim.models.parts.norm_lif import lif, norm_add, norm_lif
from memsim.models.parts.spike_pool import pooled


def has_row_pass(net: object) -> bool:
    """Whether a network is made of parts that this pass handles: S2TDPT, Spikingformer."""
    return (
        isinstance(net, TokenNetwork)
        and isinstance(net.patches, PatchSplitting)
        and all(
            isinstance(block, MembraneBlock) and isinstance(block.attention.core_lif, LIF)
            for block in net.blocks
        )
    )


def row_pass(net: TokenNetwork, image: Tensor, *, steps: int, kind: torch.dtype = torch.bfloat16) -> Tensor:
    """Logits (B, classes), float32, of images (B, C, H, W), held for `steps`, or frames (T, B, C, H, W).

    kind: torch.bfloat16 or torch.float32, the type of spikes and of the products with weights. For training
    on the CPU: norms take the statistics of the batch. ValueError for a network that is not training, and for
    input that the network refuses.
    """
    check_input(image, net.config.in_shape)
    batch, steps = image.shape[-4], len(image) if image.ndim == 5 else steps
    membrane = _patches(net.patches, image, steps, kind)  # (T, B N, D)
    for block in net.blocks:
        assert isinstance(block, MembraneBlock)
        membrane = _attention(block.attention, membrane, batch, kind)
        mlp = block.mlp
        spikes = lif(mlp.layernorm(membrane), mlp.lif1.law, kind)
        hidden = norm_lif(
            _product(mlp.fc1, spikes),
            mlp.fc1.norm,
            mlp.lif2.law,
            steps=steps,
            kind=kind,
            bias=mlp.fc1.linear.bias,
        )
        membrane = norm_add(_product(mlp.fc2, hidden), mlp.fc2.norm, membrane, bias=mlp.fc2.linear.bias)
    return net.head(net.mean(membrane.view(steps, batch, -1, membrane.shape[-1])))


def _product(dense: Dense, spikes: Tensor) -> Tensor:
    """W S without the bias, which a norm takes away again."""
    return F.linear(spikes, dense.linear.weight.to(spikes.dtype))


def _convolved(weight: Tensor, maps: Tensor) -> Tensor:
    """A convolution of maps (B, h, w, C) with side 3, (B, h, w, C')."""
    weight = weight.to(maps.dtype).contiguous(memory_format=torch.channels_last)
    return F.conv2d(maps.permute(0, 3, 1, 2), weight, padding=1).permute(0, 2, 3, 1).contiguous()


def _patches(patches: PatchSplitting, image: Tensor, steps: int, kind: torch.dtype) -> Tensor:
    """Membranes of tokens (T, B N, D), float32."""
    pixels = image.flatten(0, -4).permute(0, 2, 3, 1).contiguous()
    maps, norm = _convolved(patches.encoder.weight, pixels), patches.norm
    groups = steps if image.ndim == 5 else 1  # the current of an image is held
    for stage in patches.stages:
        assert isinstance(stage, Stage)
        rows = maps.view(groups, -1, maps.shape[-1])
        spikes = norm_lif(rows, norm, stage.lif.law, steps=steps, kind=kind)
        maps = spikes.view(-1, *maps.shape[1:])
        if isinstance(stage.pool, SpikePool):
            maps = pooled(maps, stage.pool.side)
        maps, norm, groups = _convolved(stage.conv.weight, maps), stage.norm, steps
    membrane = norm_add(maps.view(groups, -1, maps.shape[-1]), norm)
    return membrane.expand(steps, *membrane.shape[1:])


def _attention(part: SelfAttention, membrane: Tensor, batch: int, kind: torch.dtype) -> Tensor:
    """Membranes with those of the self-attention added, (T, B N, D)."""
    assert isinstance(part.core_lif, LIF)
    steps = len(membrane)
    spikes = lif(membrane, part.lif.law, kind)
    q, k, v = (
        norm_lif(_product(dense, spikes), dense.norm, neuron.law, steps=steps, kind=kind)
        for dense, neuron in ((part.q, part.q_lif), (part.k, part.k_lif), (part.v, part.v_lif))
    )
    mixed = _mixed(part, q, k, v, batch)
    out = _product(part.proj, lif(mixed, part.core_lif.law, kind))
    return norm_add(out, part.proj.norm, membrane, bias=part.proj.linear.bias)


def _mixed(part: SelfAttention, q: Tensor, k: Tensor, v: Tensor, batch: int) -> Tensor:
    """Values of tokens mixed by the attention core and scaled, float32, of spikes (T, B N, D)."""
    core, (steps, _, dim) = part.core, q.shape
    if isinstance(core, STDPAttention) and core.form == "dense":
        return attend_in_rows(core, q, k, v, batch=batch, scale=part.scale)
    mixed = core(*(part.split(x.float().view(steps, batch, -1, dim)) for x in (q, k, v)))
    mixed = mixed if part.scale == 1 else mixed * part.scale
    return mixed.transpose(-2, -3).reshape(steps, -1, dim)
