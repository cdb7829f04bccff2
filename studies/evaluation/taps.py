"""Taps: the spikes of every neuron layer as they pass, to compare two executions of one network."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from torch import Tensor, nn

from memsim.models import LIF


class Taps:
    """Records the output spikes of every LIF layer while open; ``spikes`` maps layer -> (T, B, ...)."""

    def __init__(self, net: nn.Module) -> None:
        self.net, self.spikes = net, {}  # type: ignore[var-annotated]

    def __enter__(self) -> Taps:
        self._hooks = [
            m.register_forward_hook(self._tap(n)) for n, m in self.net.named_modules() if isinstance(m, LIF)
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _tap(self, name: str):
        def keep(_: nn.Module, __: tuple, output: Tensor) -> None:
            self.spikes[name] = output.detach()

        return keep


def pack(spikes: Tensor) -> np.ndarray:
    """Spikes (..., M) as bits, (..., ceil(M / 8)) bytes."""
    return np.packbits(spikes.numpy() != 0, axis=-1)


def ones(bits: np.ndarray) -> int:
    """How many bits are set."""
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


class SpikeStatistics:
    """Spike rate of both executions and the share of spikes that differ, by layer, over all batches."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def add(self, digital: dict[str, Tensor], crossbar: dict[str, Tensor], chips: int) -> None:
        """Enter one batch: digital (T, B, ...) against crossbar (T, chips x B, ...)."""
        for layer, ours in crossbar.items():
            steps = ours.shape[0]
            found = pack(ours.reshape(steps, chips, -1, ours[0, 0].numel()))
            reference = pack(digital[layer].reshape(steps, 1, -1, ours[0, 0].numel()))
            sums = self._sums[layer]
            sums["n"] += ours.numel()
            sums["digital"] += ones(reference) * chips
            sums["crossbar"] += ones(found)
            sums["differ"] += ones(found ^ reference)

    def _share(self, what: str) -> dict[str, float]:
        return {layer: s[what] / s["n"] for layer, s in self._sums.items()}

    @property
    def rate(self) -> dict[str, float]:
        """Spikes for each neuron and time step of the digital run, by layer."""
        return self._share("digital")

    @property
    def crossbar_rate(self) -> dict[str, float]:
        """Spikes for each neuron and time step on the crossbars, by layer."""
        return self._share("crossbar")

    @property
    def mismatch(self) -> dict[str, float]:
        """Share of neuron steps whose spike differs from the digital run, by layer."""
        return self._share("differ")
