"""Taps: the spikes of every neuron layer as they pass, to compare two executions of one network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from memsim.energy.foreign_neurons import time_of
from memsim.models import LIF


@dataclass(frozen=True)
class Bits:
    """Spikes of a layer by image."""

    packed: np.ndarray  #: (images, bytes), eight spikes to a byte
    size: int  #: neuron steps of an image

    @property
    def ones(self) -> int:
        """How many spikes there are."""
        return ones(self.packed)


class Taps:
    """Keeps the output spikes of every layer of neurons while open."""

    def __init__(self, net: nn.Module | None) -> None:
        self._neurons = {} if net is None else dict(neurons(net))
        self._calls: dict[str, list[Tensor]] = defaultdict(list)

    def __enter__(self) -> Taps:
        self._hooks = [m.register_forward_hook(self._keep(name)) for name, (m, _) in self._neurons.items()]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _keep(self, name: str):
        def keep(_: nn.Module, __: Any, output: Any) -> None:
            self._calls[name].append((output[0] if isinstance(output, tuple) else output).detach())

        return keep

    @property
    def spikes(self) -> dict[str, Tensor]:
        """What each layer gave in its last call, in its own axes: (T, B, ...) of a LIF layer."""
        return {name: calls[-1] for name, calls in self._calls.items()}

    def bits(self, images: int) -> dict[str, Bits]:
        """Spikes of each layer by image, those of several calls together.

        A layer is left out whose output is not 0 and 1, or has another number of entries along its axis of
        images: then it is not known which spike belongs to which image.
        """
        out = {}
        for name, (_, axis) in self._neurons.items():
            calls = self._calls[name]
            if calls and all(_told(call, axis, images) for call in calls):
                whole = torch.cat([(call != 0).movedim(axis, 0).reshape(images, -1) for call in calls], 1)
                out[name] = Bits(pack(whole), whole.shape[1])
        return out


def _told(call: Tensor, axis: int, images: int) -> bool:
    """Whether an output is spikes of `images` images along that axis."""
    return call.dim() > axis and call.shape[axis] == images and bool(((call == 0) | (call == 1)).all())


def neurons(net: nn.Module) -> Iterator[tuple[str, tuple[nn.Module, int]]]:
    """Layers of neurons by name, each with the axis of its output that holds the images."""
    for name, module in net.named_modules():
        if isinstance(module, LIF):
            yield name, (module, 1)
        elif time_of(module) is not None:
            yield name, (module, _image_axis(module))


def _image_axis(module: nn.Module) -> int:
    """The axis of a foreign neuron's output that holds the images: the second where the first is time."""
    time = time_of(module)
    return int(time == "axis" or (time == "step_mode" and getattr(module, "step_mode", "m") == "m"))


def pack(spikes: Tensor) -> np.ndarray:
    """Spikes (..., M) as bits, (..., ceil(M / 8)) bytes."""
    return np.packbits(spikes.numpy() != 0, axis=-1)


def ones(bits: np.ndarray) -> int:
    """How many bits are set."""
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


@dataclass
class SpikeCounts:
    """Spikes of each layer on S chips, and those that differ from the digital ones, by layer and chip."""

    chips: int
    steps: dict[str, int] = field(default_factory=lambda: defaultdict(int))  #: neuron steps of one chip
    spikes: dict[str, np.ndarray] = field(default_factory=dict)  #: layer -> (S,)
    differ: dict[str, np.ndarray] = field(default_factory=dict)  #: layer -> (S,)

    def add(self, found: Mapping[str, Bits], reference: Mapping[str, Bits], ids: range) -> None:
        """Enter one pass: spikes of chips x images, chip-major, beside the digital ones of all images."""
        for layer, ours in found.items():
            if layer not in reference or reference[layer].size != ours.size:
                continue
            theirs = reference[layer].packed[ids.start : ids.stop]
            mine = ours.packed.reshape(self.chips, len(ids), -1)
            self.steps[layer] += len(ids) * ours.size
            for into, bits in ((self.spikes, mine), (self.differ, mine ^ theirs)):
                count = np.bitwise_count(bits).sum((1, 2), dtype=np.int64)
                into[layer] = into.get(layer, 0) + count

    @property
    def mismatch(self) -> list[float]:
        """Share of neuron steps whose spike differs, of each chip, over all layers; empty without neurons."""
        whole = sum(self.steps.values())
        return (np.sum(list(self.differ.values()), 0) / whole).tolist() if whole else []

    def share(self, counts: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Counts by layer over neuron steps, the mean over chips."""
        return {layer: float(count.mean()) / self.steps[layer] for layer, count in counts.items()}
