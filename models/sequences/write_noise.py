"""Hardware-aware training of memories: noise proportional to the range is added to each line when written.

    k~ = k + share max|k| xi,   v~ = v + share max|v| xi

xi is standard normal, and the maximum is over one head in the batch.  All readers of a sequence see the same
noise of a line, as on arrays; it is drawn anew in every training step.
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
    """Memory that writes lines with noise; a replacement for `leaf` with the same forward.

    share: standard deviation of the noise divided by the range [1].
    """

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
    """Write all memories of a network with noise while the context is active.

    share: standard deviation divided by the range, 0 to 1.  Raises ValueError for another share and for a
    network without memories of lines.
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
    """Continue to train a network in place with noise in its lines, and return it.

    seed: determines sequences and noise; use another one than in the training before.  recipe: default is 400
    steps at a peak learning rate of 1e-3.  Raises what `written_with_noise` and `train` raise.
    """
    with written_with_noise(net, share, seed):
        return train(net, task, recipe or SequenceRecipe(steps=400, rate=1e-3), seed=seed)


def _put(net: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(net.get_submodule(parent), last, module)
