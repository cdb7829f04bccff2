"""What passes through a network on chips: spikes, membranes and written attention, by layer.

A module that takes numbers and gives zeros and ones is a neuron, whatever library it is of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree


@dataclass(frozen=True, eq=False)
class Record:
    """One pass: every tensor has the axes (chips, images, ...), time where the network has it.

    attention: weights A_ij with their offset, (chips, images, heads, steps, N, N).
    """

    output: Any
    spikes: Mapping[str, Tensor]
    membranes: Mapping[str, Tensor]
    attention: Mapping[str, Tensor]


@runtime_checkable
class HasMembrane(Protocol):
    """A neuron layer that gives the membrane potentials of given currents."""

    def membrane(self, current: Tensor) -> Tensor:
        """Membrane potentials before reset, in the shape of the currents."""
        ...


@runtime_checkable
class StoresPotentials(Protocol):
    """A neuron of SpikingJelly: with `store_v_seq` it keeps its potentials `v_seq` of all steps of a call,
    else those of the last, `v`.
    """

    store_v_seq: bool
    step_mode: str


@dataclass
class Tap:
    """Outputs of neurons and their membranes, call by call."""

    spikes: dict[str, list[Tensor]] = field(default_factory=dict)
    membranes: dict[str, list[Tensor]] = field(default_factory=dict)

    def note(self, name: str, module: nn.Module, inputs: tuple, output: Any) -> None:
        """Keep what a neuron gave; other modules are passed over."""
        given = next((x for x in inputs if isinstance(x, Tensor)), None)
        outputs = [x for x in pytree.tree_leaves(output) if isinstance(x, Tensor)]
        if given is None or not outputs or _binary(given) or not _binary(outputs[0]):
            return
        first, *rest = outputs
        self.spikes.setdefault(name, []).append(first.detach())
        if isinstance(module, HasMembrane):
            self.membranes.setdefault(name, []).append(module.membrane(given.detach()))
        elif isinstance(module, StoresPotentials):
            potentials = getattr(module, "v_seq" if module.step_mode == "m" else "v", None)
            if isinstance(potentials, Tensor) and potentials.shape == first.shape:
                self.membranes.setdefault(name, []).append(potentials.detach())
        elif rest and rest[-1].shape == first.shape:
            self.membranes.setdefault(name, []).append(rest[-1].detach())


@contextmanager
def tapped(net: nn.Module) -> Iterator[Tap]:
    """Keep what the neurons of a network give inside."""
    tap, hooks, stored = Tap(), [], []
    for name, module in list(net.named_modules()):
        stores = isinstance(module, StoresPotentials)
        if stores or not list(module.children()):
            hooks.append(net.get_submodule(name).register_forward_hook(partial(tap.note, name)))
        if stores and module.step_mode == "m":
            stored.append((module, module.store_v_seq))
            hooks.append(
                net.get_submodule(name).register_forward_pre_hook(_store)
            )  # a pass restores its state
    try:
        yield tap
    finally:
        for hook in hooks:
            hook.remove()
        for module, before in stored:
            module.store_v_seq = before


def _store(module: Any, _: tuple) -> None:
    """Ask for potentials at every call: each pass puts the network's state back."""
    module.store_v_seq = True


def _binary(x: Tensor) -> bool:
    return bool(((x == 0) | (x == 1)).all())


def joined(calls: Mapping[str, list[Tensor]]) -> dict[str, Tensor]:
    """Return one tensor a layer: the only call, or all calls along a first axis (time, in a loop)."""
    return {name: found[0] if len(found) == 1 else torch.stack(found) for name, found in calls.items()}
