"""Means over time, tokens and map positions, as modules, so that a ledger can count their additions."""

from typing import final

from torch import Tensor, nn


@final
class TimeMean(nn.Module):
    """Mean over time, (T, ...) -> (...)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(0)

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: one addition per value."""
        return {"digital-add": inputs[0].numel()}


@final
class TokenMeanOfStep(nn.Module):
    """Mean over tokens, (T, B, N, D) -> (T, B, D)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(2)

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: one addition per value."""
        return {"digital-add": inputs[0].numel()}


@final
class MapMean(nn.Module):
    """Mean over time and positions of maps, (T, B, C, h, w) -> (B, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((0, 3, 4))

    def events(self, inputs: tuple, output: Tensor) -> dict[str, float]:
        """Work of one call: one addition per value."""
        return {"digital-add": inputs[0].numel()}
