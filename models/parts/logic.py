"""Logic of spikes: gates of one bit, which are no multiplications."""

from typing import final

from torch import Tensor, nn


@final
class And(nn.Module):
    """Spikes s and x of two signals: x AND s, a product; `negated`: x AND NOT s, x (1 - s)."""

    def __init__(self, *, negated: bool = False):
        super().__init__()
        self.negated = negated

    def forward(self, s: Tensor, x: Tensor) -> Tensor:
        return x * (1 - s) if self.negated else x * s

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: one bit compared for each value, as for the OR of a pool."""
        return {"digital-compare": output.numel()}
