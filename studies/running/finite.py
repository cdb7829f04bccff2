"""Numbers that JSON has no word for: written as null, their places kept beside, and put back when read."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Place = list[str | int]
"""Keys and positions that lead to a value."""


def finite(value: Any) -> Any:
    """Return the value as JSON takes it, with None for numbers that are infinite or not a number."""
    if isinstance(value, Mapping):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def not_finite(value: Any) -> list[tuple[Place, str]]:
    """Return the place and the number ("nan", "inf", "-inf") of each that `finite` turns into None."""
    return list(_places(value, []))


def _places(value: Any, at: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, float) and not math.isfinite(value):
        yield at, str(value)
    inside = value.items() if isinstance(value, Mapping) else ()
    if isinstance(value, (list, tuple)):
        inside = enumerate(value)
    for key, entry in inside:
        yield from _places(entry, [*at, key])


def restored(value: Any, places: Sequence[tuple[Place, str]]) -> Any:
    """Return a copy of a value with the numbers of `not_finite` in their places."""
    value = copy.deepcopy(value)
    for place, number in places:
        inside = value
        for key in place[:-1]:
            inside = inside[key]
        inside[place[-1]] = float(number)
    return value
