"""The digital run of a network: its answers on every test set, its spikes, and what it counted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from memsim.energy.digital_work import DigitalWork
from memsim.energy.work import Work
from memsim.mapping.state import NetState
from memsim.studies.evaluation.taps import Bits, Taps
from memsim.studies.evaluation.test_data import TestData

PASS = 128
"""Chips times images in one pass: that number fits the caches; results do not depend on it."""

Advance = Callable[[str, int, int], None]
Output = Callable[[Any], Tensor] | str | int | None
"""Which part of what a network returns are the logits: a function of it, a key or an index; None: all."""


@dataclass
class Part:
    """A test set and what the digital network made of it."""

    images: Tensor
    labels: Tensor
    logits: Tensor = field(default_factory=lambda: torch.empty(0))  #: (B, classes)
    spikes: dict[str, Bits] = field(default_factory=dict)  #: by layer, of the plain set alone

    def batches(self, chips: int) -> list[range]:
        """Return names of the images of each pass."""
        size, count = max(1, PASS // chips), len(self.images)
        return [range(start, min(start + size, count)) for start in range(0, count, size)]


@dataclass
class Digital:
    """The digital run of a network: its test sets by name, the plain one first, and its counts."""

    name: str  #: of the plain set
    sets: dict[str, Part]
    works: list[Work]  #: what the network did for one image of the plain set
    batch_axis: int = 0  #: of the network's inputs, where the images are

    @property
    def plain(self) -> Part:
        """The plain set."""
        return self.sets[self.name]


@torch.no_grad()
def run(
    net: nn.Module,
    data: TestData,
    dtype: torch.dtype = torch.float32,
    *,
    output: Output = None,
    advance: Advance = lambda *_: None,
) -> Digital:
    """Run a network digitally on every test set, in evaluation mode; it is not changed.

    ValueError where it cannot take the inputs, or what it gives are no logits (B, classes) for the labels.
    """
    reference = copy.deepcopy(net).to(dtype).eval()
    work, state = DigitalWork(reference, data.batch_axis), NetState(reference)
    sets = {}
    for name, (x, y) in data.sets.items():
        plain = name == data.name
        part = sets[name] = Part(x, y)
        logits, kept = [], []
        for ids in part.batches(1):
            inputs = data.laid_out(x[ids.start : ids.stop])
            watched, counting = (reference, work) if plain else (None, nullcontext())
            state.restore()  # neurons that keep a membrane between calls start every pass from one state
            with Taps(watched) as taps, counting:
                found = _forward(reference, inputs.to(dtype) if inputs.is_floating_point() else inputs)
            logits.append(checked(picked(found, output), len(ids), y))
            kept.append(taps.bits(len(ids)))
            advance(f"{name}, digital", ids.stop, len(x))
        part.logits, part.spikes = torch.cat(logits), _joined(kept)
    return Digital(data.name, sets, work.works, data.batch_axis)


def probe(net: nn.Module, data: TestData, dtype: torch.dtype, *, output: Output = None) -> None:
    """Run a network on the first input of every set alone: what `run` refuses is refused at once."""
    first = {name: (x[:1], y) for name, (x, y) in data.sets.items()}
    run(net, replace(data, sets=first), dtype, output=output)


def _forward(net: nn.Module, x: Tensor) -> Any:
    try:
        return net(x)
    except (RuntimeError, TypeError, IndexError, ValueError) as error:
        shape = f"x_test {tuple(x.shape)} {x.dtype}"
        raise ValueError(f"the network does not take inputs {shape}: {error}") from error


def picked(found: Any, output: Output) -> Any:
    """Return the part of what a network returned that `output` names."""
    if output is None:
        return found
    return output(found) if callable(output) else found[output]


def checked(logits: Any, images: int, labels: Tensor) -> Tensor:
    """Return logits (B, classes) that fit the labels; ValueError says what they are instead."""
    shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != images:
        raise ValueError(
            f"the network gives {shape} for {images} inputs; logits ({images}, classes) are needed: name "
            "them with output= (a function of what it gives, or a key), or return them from a wrapper"
        )
    if int(labels.max()) >= logits.shape[1]:
        raise ValueError(f"the network has {logits.shape[1]} classes, labels go up to {int(labels.max())}")
    return logits


def _joined(kept: list[dict[str, Bits]]) -> dict[str, Bits]:
    """Return spikes of all passes, of the layers that every one has in the same size."""
    out = {}
    for layer, first in kept[0].items():
        every = [one[layer] for one in kept if layer in one]
        if len(every) == len(kept) and all(one.size == first.size for one in every):
            out[layer] = Bits(np.concatenate([one.packed for one in every]), first.size)
    return out


def spike_rates(spikes: Mapping[str, Bits]) -> dict[str, float]:
    """Return spikes for each neuron and time step, by layer."""
    return {layer: one.ones / (len(one.packed) * one.size) for layer, one in spikes.items()}
