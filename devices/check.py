"""Numbers of a cell, checked when it is built."""

from typing import Any

MAX_STRENGTH = 10.0  #: largest factor on an effect [1]


def check(owner: Any, name: str = "", /, **allowed: tuple[float, float]) -> None:
    """Raise ValueError unless every named field of `owner` lies in its range, ends included; NaN does not."""
    for field, (low, high) in allowed.items():
        value = getattr(owner, field)
        if not low <= value <= high:
            raise ValueError(
                f"{name + ': ' if name else ''}{field}={value:g}: {low:g} to {high:g} is allowed"
            )
