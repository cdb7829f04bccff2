"""Groups of a convolution as arrays of their own: the stack of arrays is chips x groups, chip-major."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def of_chips(x: Tensor, chips: Sequence[int], groups: int) -> Tensor:
    """Return the arrays (S G, ...) of some chips, by their places in the stack."""
    return x.unflatten(0, (-1, groups))[list(chips)].flatten(0, 1)


def by_array(x: Tensor, groups: int) -> Tensor:
    """Return drives (T, S, B, F) -> (T, S G, B, F / G)."""
    if groups == 1:
        return x
    return x.unflatten(3, (groups, -1)).movedim(3, 2).flatten(1, 2)


def by_image(numbers: Tensor, groups: int, maps: bool) -> Tensor:
    """Return numbers (T, S G, B, ...) with groups behind images: (T, S, B, G, ...), of maps (T, S, B, G C,
    P).
    """
    if groups == 1:
        return numbers
    numbers = numbers.unflatten(1, (-1, groups)).movedim(2, 3)
    return numbers.flatten(3, 4) if maps else numbers
