"""Checks of settings: a value that cannot be meant is refused with its field, value and allowed range."""

from __future__ import annotations

from typing import Any

from memsim.memory.clock import Clock


def check_whole(field: str, value: Any, low: int, high: int | None = None, zero: str = "") -> None:
    """Raise ValueError unless value is a whole number from low to high (None: no limit).

    zero: meaning of the value 0, which is then allowed, too.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and (low <= value <= (value if high is None else high) or (zero and value == 0)):
        return
    above = f"{low} or more" if high is None else f"{low} to {high}"
    raise ValueError(
        f"{field} = {value!r}: a whole number, {above}{f', or 0 for {zero}' if zero else ''} is needed"
    )


def check_switch(field: str, value: Any) -> None:
    """Raise ValueError unless value is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{field} = {value!r}: True or False is needed")


def check_word(field: str, value: Any, *known: str) -> None:
    """Raise ValueError unless value is one of the known words."""
    if value not in known:
        raise ValueError(f"{field} = {value!r}: {' or '.join(repr(word) for word in known)} is needed")


def check_retention(value: Any) -> None:
    """Raise ValueError unless value is a positive time [s], which may be infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ValueError(
            f"retention = {value!r} s: a positive time is needed, or math.inf for non-volatile cells"
        )


def check_clock(value: Any) -> None:
    """Raise ValueError unless value is a clock."""
    if not isinstance(value, Clock):
        raise ValueError(f"clock = {value!r}: Clock(rate) is needed, with a rate in tokens per second")
