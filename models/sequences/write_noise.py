"""Hardware-aware training of memories: lines are off by a share of their range whenever they are written.

    k~ = k + share max|k| xi,   v~ = v + share max|v| xi      max over a head in the batch, xi normal

The readers of a sequence all see the same line, as on arrays; a new draw in every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from memsim.memory.written_memory import WrittenMemory
from memsim.models.mixers.network import SequenceNet
from memsim.models.sequences.task import Task
from memsim.models.sequences.training import SequenceRecipe, train


class NoisyMemory(nn.Module):
    """A memory whose lines are written with noise, in the place of `leaf`; forward as the leaf's."""

    def __init__(self, leaf: WrittenMemory, share: float, generator: torch.Generator) -> None:
        super().__init__()
        self.leaf, self.share, self.generator = leaf, share, generator

    def forward(self, q: Tensor, k: Tensor, v: Tensor, gate: Tensor | None = None) -> Tensor:
        return self.leaf(q, self._written(k), self._written(v), gate)

    def _written(self, x: Tensor) -> Tensor:
        xi = torch.randn(x.shape, generator=self.generator).to(x)
        return x + self.share * x.detach().abs().amax((0, 2, 3), keepdim=True) * xi


@contextmanager
def written_with_noise(net: nn.Module, share: float, seed: int = 0) -> Iterator[None]:
    """Write all memories of a network with noise inside.  Raises ValueError for a share outside 0 .. 1, and
    for a network without memories of lines.
    """
    memories = {name: m for name, m in net.named_modules() if isinstance(m, WrittenMemory)}
    if not 0 <= share <= 1:
        raise ValueError(f"share = {share}: 0 to 1 is allowed; 0.1 is a tenth of the range")
    if not memories:
        raise ValueError(f"{type(net).__name__} has no memory of lines (memsim.memory.written_memory)")
    generator = torch.Generator().manual_seed(seed)
    for name, leaf in memories.items():
        _put(net, name, NoisyMemory(leaf, share, generator))
    try:
        yield
    finally:
        for name, leaf in memories.items():
            _put(net, name, leaf)


def harden(
    net: SequenceNet, task: Task, share: float, recipe: SequenceRecipe | None = None, *, seed: int = 1
) -> SequenceNet:
    """Train a network on with noise in its lines, in place; seed: of sequences, another than before."""
    with written_with_noise(net, share, seed):
        return train(net, task, recipe or SequenceRecipe(steps=400, rate=1e-3), seed=seed)


def _put(net: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(net.get_submodule(parent), last, module)
