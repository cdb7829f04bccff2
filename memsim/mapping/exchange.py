"""A copy of a network whose matrices are on arrays."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from dataclasses import replace as replaced
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm

from memsim.arrays.reading.bias_rows import with_rows
from memsim.digital_only import digital_modules, reason_of
from memsim.mapping.attention import AttentionSite
from memsim.mapping.batches import cast
from memsim.mapping.kind_of import kind_of, matrices_of
from memsim.mapping.layers import digital_layers, replace
from memsim.mapping.lowering.matrix import Matrix
from memsim.mapping.lowering.products import ArrayParameter
from memsim.mapping.site import Site
from memsim.mapping.state import RESET, state_of, tensors_of
from memsim.run import Run
from memsim.written_attention import WrittenAttention, attention_layers, product_layers

ROOT = "net"  #: the name of an array whose layer is the whole network


@dataclass(frozen=True)
class Held:
    """One matrix of a network: where it stands, and whether an array holds it."""

    name: str  #: of its array
    module: str  #: path of the module
    kind: str
    matrix: Matrix
    digital: bool = False  #: left digital, by the card or by the module it lies in
    because: str = "left digital by the card"
    unasked: bool = False  #: digital though neither the card nor the module says so
    tied_to: str | None = None  #: the array that holds it already


def copied(net: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Return a copy of a network in `dtype`, in evaluation mode, wrappers and parametrisations taken off.

    Raises TypeError for what is no module, ValueError for networks that cannot be copied or run here.
    """
    if not isinstance(net, nn.Module):
        raise TypeError(
            f"net = {net!r:.60}: a torch.nn.Module is needed; a network's name goes to models.load"
        )
    while isinstance(net, nn.DataParallel) or hasattr(net, "_orig_mod"):
        net = net.module if isinstance(net, nn.DataParallel) else net._orig_mod  # type: ignore[assignment]
    if isinstance(net, torch.jit.ScriptModule):
        raise ValueError("a TorchScript module has no layers to exchange; pass the module it was made from")
    for name, module in net.named_modules():
        if isinstance(module, torch.jit.ScriptModule) and any(True for _ in module.parameters()):
            raise ValueError(
                f"{name} is a TorchScript module, which has no layers to exchange; pass what it was made from"
            )
    for name, tensor in (*net.named_parameters(), *net.named_buffers()):
        if nn.parameter.is_lazy(tensor):
            raise ValueError(f"{name} is not initialised yet: run the network once on an example before")
        if tensor.device.type != "cpu":
            raise ValueError(
                f"{name} lies on {tensor.device}: pass net.cpu(), and move the chip with chip.to(device)"
            )
    try:
        ours = copy.deepcopy(net, _made_again(net))
    except RuntimeError as error:
        holders = ", ".join(
            f"{name} ({type(m).__name__})" for name, m in net.named_modules() if _has_history(m)
        )
        raise ValueError(
            f"{holders or 'the network'} holds tensors with a gradient history, say the state of spiking "
            f"neurons after a training step; reset it before ({RESET}): {error}"
        ) from None
    ours._apply(lambda x: cast(x, dtype))
    _fold(ours)
    for parameter in ours.parameters():
        parameter.data = parameter.data.contiguous()  # the blocks of an array are a view of it
    return ours.eval().requires_grad_(False)


def _has_history(module: nn.Module) -> bool:
    """Return whether a module's attributes hold a tensor that torch cannot copy."""
    return any(isinstance(x, Tensor) and not x.is_leaf for _, x in tensors_of(state_of(module)))


def _made_again(net: nn.Module) -> dict[int, Any]:
    """Return weights that pruning and old parametrisations compute from others, with their values: a memo for
    a copy, since torch copies no tensor with a gradient history.
    """
    return {
        id(value): value.detach().clone()
        for module in net.modules()
        for key, value in vars(module).items()
        if isinstance(value, Tensor) and {f"{key}_orig", f"{key}_g"} & module._parameters.keys()
    }


def _fold(net: nn.Module) -> None:
    """Replace weights that are computed from others (weight norm, pruning, ...) by their value of now."""
    for module in list(net.modules()):
        if parametrize.is_parametrized(module):
            _unparametrise(module)
        for name in [key.removesuffix("_orig") for key in module._parameters if key.endswith("_orig")]:
            (prune.remove if prune.is_pruned(module) else remove_spectral_norm)(module, name)
        for name in [key.removesuffix("_g") for key in list(module._parameters) if key.endswith("_g")]:
            if f"{name}_v" in module._parameters:
                remove_weight_norm(module, name)


def _unparametrise(module: nn.Module) -> None:
    """Keep the values of parametrised parameters and buffers alone.

    torch's own removal strips the class of the module, which a copy shares with the user's.
    """
    made = dict(module.parametrizations.items())  # type: ignore[operator, union-attr]
    values = {name: getattr(module, name).detach().clone() for name in made}
    del module._modules["parametrizations"]
    module.__class__ = type(module).__bases__[0]
    for name, value in values.items():
        if any(True for _ in made[name].parameters(recurse=False)):
            module.register_parameter(name, nn.Parameter(value))
        else:
            module.register_buffer(name, value)


def held(net: nn.Module, digital: frozenset[str]) -> list[Held]:
    """Return every matrix of a network's known layer kinds, in order; those in a `DigitalOnly` module are
    digital.

    CardError for a `digital` pattern without a layer.
    """
    found: list[Held] = []
    first: dict[tuple[int, int], str] = {}
    for path, module in net.named_modules(remove_duplicate=False):
        for suffix, matrix in matrices_of(module).items():
            weight = module._parameters.get(matrix.parameter)
            name = ".".join(part for part in (path or ("" if suffix else ROOT), suffix) if part)
            if weight is None:
                continue
            tied = first.setdefault((id(weight), matrix.start), name)
            kind = kind_of(module) or ""
            found.append(Held(name, path, kind, matrix, tied_to=None if tied == name else tied))
    apart = digital_modules(net)
    reasons = {one.module: reason_of(one.module, apart) for one in found}
    leaves = (*attention_layers(net), *product_layers(net))
    names = [one.name for one in found] + [name for name, _ in leaves]
    chosen = digital_layers(digital, names)
    return [_placed(net, one, reasons[one.module], chosen) for one in found]


def _placed(net: nn.Module, one: Held, reason: str, chosen: Collection[str]) -> Held:
    """Say whether a matrix is digital, and why: its module, the card, or complex numbers."""
    if reason:
        return replaced(one, digital=True, because=reason)
    if (one.tied_to or one.name) in chosen:
        return replaced(one, digital=True)
    weight = net.get_submodule(one.module)._parameters[one.matrix.parameter]
    if weight is not None and weight.is_complex():
        return replaced(one, digital=True, because="its weights are complex numbers", unasked=True)
    return one


def matrix_names(net: nn.Module) -> list[str]:
    """Return names of the arrays that a network's matrices go to, in order."""
    return [one.name for one in held(net, frozenset()) if one.tied_to is None]


def place(
    net: nn.Module, matrices: list[Held], run: Run, weights: Callable[..., Any], attention: Callable[..., Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Put the matrices and attentions of a network on arrays; returns weight and attention arrays by name.

    Raises ValueError for rows of biases where there is none to hold.
    """
    arrays: dict[str, Any] = {}
    biased = False
    for one in matrices:
        if not one.digital and one.tied_to is None:
            weight = net.get_submodule(one.module)._parameters[one.matrix.parameter]
            assert weight is not None
            bias = bias_of(net, one, run)
            biased = biased or bias is not None
            arrays[one.name] = weights(one.name, _blocks(one, weight, bias, run), run)
    if run.card.weights.bias_rows and not biased:
        raise ValueError(
            f"weights.bias_rows = {run.card.weights.bias_rows}: no layer of this network has a bias that an"
            " array can hold; take 0"
        )
    link(net, matrices, arrays, run)
    products = product_layers(net)
    leaves = [*attention_layers(net), *products]
    left = digital_layers(run.card.digital, [*(m.name for m in matrices), *(name for name, _ in leaves)])
    order, written = run.card.attention.order, {}
    if order != "digital" and not {name for name, _ in products} - left:
        raise ValueError(
            f'attention.order = "{order}": this network has no attention by products of spikes that arrays'
            ' are to hold; take "digital" (STDP attention is on arrays whatever it is)'
        )
    for name, leaf in leaves:
        if name not in left and (order != "digital" or isinstance(leaf, WrittenAttention)):
            written[name] = attention(name, leaf, run)
            replace(net, name, AttentionSite(name, leaf, written[name], run))
    return arrays, written


def bias_of(net: nn.Module, one: Held, run: Run) -> Tensor | None:
    """Return the bias that a matrix' array holds beside it; None: it has none, or biases are digital."""
    if not run.card.weights.bias_rows or one.matrix.bias is None:
        return None
    return net.get_submodule(one.module)._parameters.get(one.matrix.bias)


def _blocks(one: Held, weight: Tensor, bias: Tensor | None, run: Run) -> Tensor:
    """Return what an array holds: a view of the parameter, which a training may change; with a bias a
    copy.
    """
    blocks = one.matrix.blocks(weight)
    return blocks if bias is None else with_rows(blocks, bias, run.card.weights.bias_rows)


def link(net: nn.Module, matrices: list[Held], arrays: Mapping[str, Any], run: Run) -> None:
    """Let the parameters of a network lead to its arrays: after the exchange, a copy or a move."""
    made: dict[int, ArrayParameter] = {}
    for one in matrices:
        if one.digital:
            continue
        module = net.get_submodule(one.module)
        weight = module._parameters[one.matrix.parameter]
        assert weight is not None
        found = made.get(id(weight))
        if found is None:
            found = ArrayParameter.of(weight, {})
        made[id(weight)] = made[id(found)] = found
        if one.tied_to is None:
            bias = bias_of(net, one, run)
            site = Site(one.name, one.matrix, run, weight.detach().as_subclass(Tensor), bias)
            site.array = arrays[one.name]
            site.array.blocks = _blocks(one, found.detach().as_subclass(Tensor), bias, run)
            found.sites = {**found.sites, one.matrix.start: site}
        module._parameters[one.matrix.parameter] = found
        if isinstance(module, nn.RNNBase):
            module._flat_weights = [getattr(module, name) for name in module._flat_weights_names]
