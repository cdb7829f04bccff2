"""Recording of the spikes of every layer of neurons, to compare two executions of one network."""

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
    """Spikes of one layer, by image."""

    packed: np.ndarray  #: (images, bytes), eight spikes per byte
    size: int  #: number of neuron updates (neurons x time steps) of an image

    @property
    def ones(self) -> int:
        """Number of spikes."""
        return ones(self.packed)


class Taps:
    """Context manager that records the outputs of every layer of neurons; net None: no layers."""

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
        """Output of the last call of each layer, with the axes of the layer: (T, B, ...) for `LIF`."""
        return {name: calls[-1] for name, calls in self._calls.items()}

    def bits(self, images: int) -> dict[str, Bits]:
        """Return the spikes of each layer by image, with all of its calls combined.

        Layers are left out if their outputs have values other than 0 and 1, or if the length of the image
        axis is not `images`, because spikes could then not be assigned to images.
        """
        out = {}
        for name, (_, axis) in self._neurons.items():
            calls = self._calls[name]
            if calls and all(_told(call, axis, images) for call in calls):
                whole = torch.cat([(call != 0).movedim(axis, 0).reshape(images, -1) for call in calls], 1)
                out[name] = Bits(pack(whole), whole.shape[1])
        return out


def _told(call: Tensor, axis: int, images: int) -> bool:
    """Return whether an output consists of spikes of `images` images along this axis."""
    return call.dim() > axis and call.shape[axis] == images and bool(((call == 0) | (call == 1)).all())


def neurons(net: nn.Module) -> Iterator[tuple[str, tuple[nn.Module, int]]]:
    """Yield the layers of neurons by name, each with the image axis of its output."""
    for name, module in net.named_modules():
        if isinstance(module, LIF):
            yield name, (module, 1)
        elif time_of(module) is not None:
            yield name, (module, _image_axis(module))


def _image_axis(module: nn.Module) -> int:
    """Return the image axis of the output of another library's neurons: 1 if axis 0 is time, else 0."""
    time = time_of(module)
    return int(time == "axis" or (time == "step_mode" and getattr(module, "step_mode", "m") == "m"))


def pack(spikes: Tensor) -> np.ndarray:
    """Pack spikes (..., M) into bits, (..., ceil(M / 8)) bytes."""
    return np.packbits(spikes.numpy() != 0, axis=-1)


def ones(bits: np.ndarray) -> int:
    """Return the number of bits that are set."""
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


@dataclass
class SpikeCounts:
    """Counts of spikes on S chips, and of neuron updates whose spike differs from the digital run."""

    chips: int
    steps: dict[str, int] = field(default_factory=lambda: defaultdict(int))  #: neuron updates of one chip
    spikes: dict[str, np.ndarray] = field(default_factory=dict)  #: layer -> number of spikes (S,)
    differ: dict[str, np.ndarray] = field(default_factory=dict)  #: layer -> number of differences (S,)

    def add(self, found: Mapping[str, Bits], reference: Mapping[str, Bits], ids: range) -> None:
        """Add the spikes of one pass, chips x images in chip-major order.

        reference: digital spikes of all images; ids: indices of the images of this pass.
        """
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
        """Share of neuron updates whose spike differs, for each chip; empty for networks without neurons."""
        whole = sum(self.steps.values())
        return (np.sum(list(self.differ.values()), 0) / whole).tolist() if whole else []

    def share(self, counts: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Return counts by layer divided by the number of neuron updates, averaged over chips."""
        return {layer: float(count.mean()) / self.steps[layer] for layer, count in counts.items()}
