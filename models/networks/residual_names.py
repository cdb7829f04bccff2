"""Names of residual networks, KIND + DEPTH and KIND + DEPTH-WIDTH, and the stem for a size of picture."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from memsim.models.networks.token_names import LARGE, shortest_side


def depth_and_width(kind: str, name: str, depths: Collection[int]) -> tuple[int, dict[str, int]] | None:
    """Return the depth and, where "-WIDTH" is given, {"width": WIDTH}; None for another name or depth.

    ValueError for a width of 0.
    """
    match = re.fullmatch(rf"{kind}(\d+)(?:-(\d+))?", name)
    if not match or int(match[1]) not in depths:
        return None
    if match[2] and int(match[2]) == 0:
        raise ValueError(f"{name}: the first stage needs at least one channel")
    return int(match[1]), {"width": int(match[2])} if match[2] else {}


def stem_for(overrides: Mapping[str, Any]) -> str:
    """Return "7x7" for pictures above 64 pixels, "3x3" for smaller ones, which it does not halve."""
    return "7x7" if shortest_side(overrides) > LARGE else "3x3"
