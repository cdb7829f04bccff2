"""Helpers for layers of images and event frames in networks with time as first axis."""

from collections.abc import Callable

from torch import Tensor


def each(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a layer for images (B, ...) to every time step: (T, B, ...) -> (T, B, ...)."""
    return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def encoded(layer: Callable[[Tensor], Tensor], x: Tensor, steps: int) -> Tensor:
    """Return the currents (T, B, C, h, w) of the first layer of a network.

    x: images (B, C, H, W), for which the layer is computed once and its current repeated for `steps` steps
    without a copy; or event frames (T, B, C, H, W), for each of which it is computed.
    """
    if x.ndim == 5:
        return each(layer, x)
    current = layer(x)
    return current.expand(steps, *current.shape)
