"""The place of an attention layer whose weights are written into arrays."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from memsim.run import Run


class AttentionSite(nn.Module):
    """Stands where the digital attention stood; forward(q, k, v): spikes (T, S B, H, N, D) -> A V.

    The digital leaf runs while the network is probed.
    """

    def __init__(self, name: str, leaf: nn.Module, array: Any, run: Run) -> None:
        super().__init__()
        self.name, self.leaf, self.run = name, leaf, run
        self._array = (array,)  # no submodule: the chip holds its arrays apart from the network

    @property
    def array(self) -> Any:
        """The attention array."""
        return self._array[0]

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        now = self.run.now
        if now.probe is not None:
            now.probe.note(self.name, q, q.dim() - 2, 0.0)
            return self.leaf(q, k, v)
        layout = now.layout(self.name)
        if layout is None or layout.inner != 1 or layout.outer != len(q):
            raise ValueError(
                f"{self.name}: spikes must be (steps, images, heads, tokens, features), are {q.shape}"
            )
        return self._array[0](q, k, v)
