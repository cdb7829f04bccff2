"""Names of networks of tokens, KIND-LAYERS-WIDTH, and the shape for a size of picture."""

import re
from collections.abc import Mapping
from typing import Any

LARGE, SMALL = 64, 16
"""Sides [pixels]: above LARGE pictures are halved four times, below SMALL once, between them twice."""


def shortest_side(overrides: Mapping[str, Any]) -> int:
    """Return the shorter side of the pictures, 32 where no shape or an impossible one is given."""
    shape = overrides.get("in_shape", (3, 32, 32))
    fits = isinstance(shape, tuple | list) and len(shape) == 3 and all(isinstance(n, int) for n in shape)
    return min(shape[1:]) if fits else 32


def halvings(overrides: Mapping[str, Any]) -> int:
    """How often pictures of this size are halved before they are tokens: 64 of 32 x 32, 196 of 224 x 224."""
    side = shortest_side(overrides)
    return 4 if side > LARGE else 1 if side < SMALL else 2


def layers_and_width(kind: str, name: str) -> tuple[int, int] | None:
    """Return (layers, width) of "KIND-LAYERS-WIDTH"; None for another name.

    ValueError for no layers, and for a width that is no multiple of 8: convolutions have an eighth of it.
    """
    match = re.fullmatch(rf"{kind}-(\d+)-(\d+)", name)
    if not match:
        return None
    layers, dim = int(match[1]), int(match[2])
    if dim % 8 or dim == 0 or layers == 0:
        raise ValueError(f"{name}: at least one layer is needed, and a width that is a multiple of 8")
    return layers, dim


def heads(dim: int) -> int:
    """Heads of width 32, as for CIFAR-10 in Spikformer and Spikingformer; one for other widths."""
    return dim // 32 if dim % 32 == 0 else 1
