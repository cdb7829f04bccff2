"""Names of simulated chips: whole numbers from 0 on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

MOST_CHIPS = 100_000  #: of one run


def names_of(chips: Any) -> tuple[int, ...]:
    """Return names of chips from their number, or as given; ValueError for none, too many, or no whole
    numbers.
    """
    count = chips if isinstance(chips, int) else len(chips) if isinstance(chips, Collection) else 0
    if count > MOST_CHIPS:
        raise ValueError(f"chips: {count} are too many; a run has at most {MOST_CHIPS}")
    try:
        names = tuple(range(chips)) if isinstance(chips, int) else tuple(chips)
    except TypeError:
        names = ()
    if not names or not all(isinstance(c, int) and not isinstance(c, bool) and c >= 0 for c in names):
        raise ValueError(f"chips = {chips}: at least one chip, named by whole numbers >= 0")
    if len(set(names)) < len(names):
        raise ValueError(f"chips = {chips}: a name stands twice")
    return names
