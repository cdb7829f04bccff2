"""Images and event frames in networks whose first axis is time."""

from collections.abc import Callable

from torch import Tensor


def each(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a layer of images to every time step: (T, B, ...) -> (T, B, ...)."""
    return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def encoded(layer: Callable[[Tensor], Tensor], x: Tensor, steps: int) -> Tensor:
    """Currents (T, B, C, h, w) of a first layer.

    x: images (B, C, H, W), which the layer sees once and whose current is held over `steps` steps without a
    copy; or event frames (T, B, C, H, W), each of which it sees.
    """
    if x.ndim == 5:
        return each(layer, x)
    current = layer(x)
    return current.expand(steps, *current.shape)
