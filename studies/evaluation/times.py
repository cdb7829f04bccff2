"""Times as people write them."""

from __future__ import annotations

import re

UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0, "y": 365 * 86400.0}
"""Seconds of a unit of time."""

WORDS = {"second": "s", "minute": "min", "hour": "h", "day": "d", "week": "w", "year": "y"}
"""Units in full, with or without an s at the end."""


def seconds(text: str, option: str = "--time") -> float:
    """Read a time such as ``1d``, ``2.5h``, ``1y`` or plain seconds, in seconds; ValueError, which names
    `option`, otherwise.
    """
    match = re.fullmatch(
        r"\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?)\s*([a-z]*)\s*", text.lower(), re.ASCII
    )
    unit = "" if match is None else WORDS.get(match[2].removesuffix("s"), match[2])
    if not match or (unit and unit not in UNITS):
        raise ValueError(f"{option} {text!r}: a number and one of {', '.join(UNITS)} is needed, such as 1d")
    value = float(match[1]) * UNITS[unit or "s"]
    if not 0 <= value < 1e12:
        raise ValueError(
            f"{option} {text!r}: time since programming runs from 0 s to 1e12 s; a sign too many?"
        )
    return value


def span(text: str) -> float | tuple[float, float]:
    """Return one time or two, such as "1s,1y", in seconds; ValueError otherwise."""
    found = [seconds(part, "--times") for part in text.split(",")]
    if len(found) > 2 or (len(found) == 2 and not 0 < found[0] <= found[1]):
        raise ValueError(f"--times {text!r}: one time, or two above 0 with the later one second, as 1s,1y")
    return found[0] if len(found) == 1 else (found[0], found[1])
