"""The digital network in float64, and what its neurons fire."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree

from memsim.models.parts.neurons import LIF
from tests.zoo.entry import Entry, Inputs

MATRICES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def tensors(tree: Any) -> list[Tensor]:
    """The tensors of a structure, in order."""
    return [leaf for leaf in _pytree.tree_leaves(tree) if isinstance(leaf, Tensor)]


def part(inputs: Inputs, images: list[int], axis: int) -> Inputs:
    """The inputs of some of the images only."""

    def take(leaf: Any) -> Any:
        return leaf.index_select(axis, torch.tensor(images)) if isinstance(leaf, Tensor) else leaf

    args, kwargs = _pytree.tree_map(take, (inputs.args, inputs.kwargs))
    return Inputs(args, kwargs)


def double(inputs: Inputs) -> Inputs:
    """The inputs with numbers in float64; whole numbers stay."""

    def cast(leaf: Any) -> Any:
        return leaf.double() if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf

    args, kwargs = _pytree.tree_map(cast, (inputs.args, inputs.kwargs))
    return Inputs(args, kwargs)


def digital(entry: Entry) -> nn.Module:
    """The entry's network in float64 and eval mode.

    Spikes that a library hands on as float32 are cast where a layer multiplies them.
    """
    net = entry.make().net
    net = getattr(net, "_orig_mod", net).double().eval()  # a compiled network would be compiled here
    for module in net.modules():
        if isinstance(module, MATRICES):
            module.register_forward_pre_hook(lambda _, x: tuple(one.double() for one in x))
    return net


def neuron_types() -> tuple[type[nn.Module], ...]:
    """The spiking neurons of memsim and of the libraries that are installed."""
    types: list[type[nn.Module]] = [LIF]
    if importlib.util.find_spec("spikingjelly"):
        from spikingjelly.activation_based.neuron import BaseNode

        types.append(BaseNode)
    if importlib.util.find_spec("snntorch"):
        from snntorch import SpikingNeuron

        types.append(SpikingNeuron)
    if importlib.util.find_spec("norse"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import compiles functions in a deprecated way
            from norse.torch import LIF as Lifted
            from norse.torch import LIFCell, LIFRecurrentCell

        types += [Lifted, LIFCell, LIFRecurrentCell]
    return tuple(types)


@contextmanager
def listening(net: nn.Module) -> Iterator[list[Tensor]]:
    """Inside, what every neuron fires is put on the list, call by call."""
    fired: list[Tensor] = []

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        fired.append(tensors(output)[0].detach().clone())

    handles = [m.register_forward_hook(hook) for m in net.modules() if isinstance(m, neuron_types())]
    try:
        yield fired
    finally:
        for handle in handles:
            handle.remove()
