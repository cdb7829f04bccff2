"""A layer of single images inside a network whose first axis is time."""

from typing import final

from torch import Tensor, nn


@final
class PerStep(nn.Module):
    """A layer of images (B, ...) applied to every time step: (T, B, ...) -> (T, B, ...)."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


@final
class Sum(nn.Module):
    """The sum of several signals of one shape."""

    def forward(self, *signals: Tensor) -> Tensor:
        total = signals[0]
        for signal in signals[1:]:
            total = total + signal
        return total

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: an addition for each value of every signal but the first."""
        return {"digital-add": output.numel() * (len(inputs) - 1)}
