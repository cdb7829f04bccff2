"""Logic operations on spikes, which count as one-bit comparisons instead of multiplications."""

from typing import final

from torch import Tensor, nn


@final
class And(nn.Module):
    """Logical AND of spikes x and s of equal shape: x s, or with `negated` x AND NOT s: x (1 - s)."""

    def __init__(self, *, negated: bool = False):
        super().__init__()
        self.negated = negated

    def forward(self, s: Tensor, x: Tensor) -> Tensor:
        return x * (1 - s) if self.negated else x * s

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Return the events of one call: a comparison of one bit per value."""
        return {"digital-compare": output.numel()}
