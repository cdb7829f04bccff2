"""Batch norms folded into the matrices before them, so that conductances carry them.

    y = gamma (W x + b - mean) / sqrt(var + eps) + beta  =  W' x + b',   W' = W gamma / sqrt(var + eps)

Which norm follows which layer is measured: the layer's output is the tensor that the norm takes, on training
images.  A pair is folded only where the outputs of the network stay what they were, in float64.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from memsim.mapping.batches import Batch
from memsim.mapping.kind_of import matrices_of
from memsim.mapping.layers import replace
from memsim.mapping.lowering.matrix import Matrix
from memsim.mapping.norms import NORMS

IMAGES = 4  #: that pairs are found and checked on
CLOSE = 1e-6  #: largest change of outputs that a right fold makes, of their largest size [1]


class Folded(NamedTuple):
    """What was folded: layer by the name of its norm; and the norms that stay digital, with why."""

    layers: Mapping[str, str]
    left: Mapping[str, str]


def fold_norms(net: nn.Module, batch: Batch) -> Folded:
    """Fold the batch norms of a network in evaluation mode, in place; they become nn.Identity.

    batch: training images, of which a few run.
    """
    some = batch.part(0, IMAGES)
    trial = copy.deepcopy(net).double()
    before, pairs = _watched(trial, some)
    left = {
        name: "no layer of an array gives what it takes"
        for name, module in net.named_modules()
        if _folds(module) and name not in pairs
    }
    folded: dict[str, str] = {}
    if _stays(trial, pairs, some, before):
        folded = pairs
    else:
        for norm, layer in pairs.items():
            if _stays(trial, {**folded, norm: layer}, some, before):
                folded[norm] = layer
            else:
                left[norm] = "outputs of the network would change"
    _fold(net, folded)
    return Folded(folded, left)


def _folds(module: nn.Module) -> bool:
    """Return whether a module is a batch norm with trained statistics."""
    return isinstance(module, NORMS) and module.running_mean is not None


def _matrix(module: nn.Module) -> Matrix | None:
    """Return the one matrix of a layer whose outputs are its columns."""
    found = matrices_of(module)
    return found[""] if found.keys() == {""} and found[""].form != "bilinear" else None


def _run(net: nn.Module, batch: Batch) -> list[Tensor]:
    """Return outputs of the network on the images, every tensor of them."""
    args, named = batch.repeated(1, torch.float64)
    with torch.no_grad():
        return [x for x in pytree.tree_leaves(net(*args, **named)) if isinstance(x, Tensor)]


def _watched(net: nn.Module, batch: Batch) -> tuple[list[Tensor], dict[str, str]]:
    """Return outputs, and layers by the norm that takes all they give and nothing else."""
    made: list[tuple[str, Tensor]] = []  # kept, so that no storage is used twice
    taken: dict[str, list[str | None]] = {}
    state = copy.deepcopy(net)

    def gives(name: str, axis: int) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            made.append((name, output.movedim(axis, -1)))

        return hook

    def takes(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0].movedim(1, -1)
            found = (layer for layer, y in reversed(made) if _same(x, y))
            taken.setdefault(name, []).append(next(found, None))

        return hook

    with ExitStack() as stack:
        for name, module in state.named_modules():
            matrix = _matrix(module)
            if _folds(module):
                stack.callback(module.register_forward_pre_hook(takes(name)).remove)
            elif matrix is not None:
                axis = -1 if matrix.form == "linear" else 1
                stack.callback(module.register_forward_hook(gives(name, axis)).remove)
        outputs = _run(state, batch)
    calls = [layer for layer, _ in made]
    pairs = {}
    for norm, layers in taken.items():
        layer = layers[0]
        if layer is not None and layers == [layer] * calls.count(layer) and _alone(state, layer):
            pairs[norm] = layer
    return outputs, pairs


def _same(x: Tensor, y: Tensor) -> bool:
    """Return whether two tensors with channels last are one memory, channels along channels."""
    one, other = x.untyped_storage().data_ptr(), y.untyped_storage().data_ptr()
    channels = (x.shape[-1], x.stride(-1)) == (y.shape[-1], y.stride(-1))
    return one == other and x.numel() == y.numel() and channels


def _alone(net: nn.Module, layer: str) -> bool:
    """Return whether no other module has the layer's weight."""
    weight = net.get_submodule(layer).weight
    holders = [m for m in net.modules() if any(p is weight for p in m._parameters.values())]
    return len(holders) == 1


def _stays(net: nn.Module, pairs: Mapping[str, str], batch: Batch, before: list[Tensor]) -> bool:
    """Return whether outputs stay what they were where these pairs are folded."""
    trial = copy.deepcopy(net)
    try:
        _fold(trial, pairs)
        after = _run(trial, batch)
    except (AttributeError, RuntimeError, TypeError):
        return False  # its forward looks into the norm
    return all(
        float((x.double() - y.double()).abs().max()) <= CLOSE * max(float(x.abs().max()), 1e-12)
        for x, y in zip(before, after, strict=True)
        if x.numel()
    )


def _fold(net: nn.Module, pairs: Mapping[str, str]) -> None:
    """Give the layers the norms' scale and shift."""
    for name, path in pairs.items():
        norm: Any = net.get_submodule(name)
        layer: Any = net.get_submodule(path)
        matrix = _matrix(layer)
        assert matrix is not None
        with torch.no_grad():
            scale = (norm.running_var.double() + norm.eps).rsqrt()
            shift = -norm.running_mean.double() * scale
            if norm.affine:
                scale, shift = scale * norm.weight, shift * norm.weight + norm.bias
            if layer.bias is not None:
                shift = shift + layer.bias * scale
            weight = layer.weight
            if matrix.form == "transposed":
                by_group = scale.view(matrix.groups, 1, -1).expand(-1, len(weight) // matrix.groups, -1)
                factor = by_group.reshape(len(weight), -1)
            else:
                factor = scale.view(-1, 1)
            factor = factor.reshape(*factor.shape, *[1] * (weight.dim() - factor.dim()))
            layer.weight = nn.Parameter((weight * factor).to(weight.dtype), requires_grad=False)
            layer.bias = nn.Parameter(shift.to(weight.dtype), requires_grad=False)
        replace(net, name, nn.Identity())
