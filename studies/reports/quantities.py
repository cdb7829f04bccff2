"""Numbers as people read them: SI prefixes, shares in per cent, times in days."""

from __future__ import annotations

import math

PREFIXES = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
"""Powers of ten with their SI prefix."""

TIMES = ((365 * 86400.0, "year"), (86400.0, "day"), (3600.0, "hour"), (60.0, "minute"))
"""Lengths [s] of the units of time that people use."""


def prefixed(largest: float, unit: str) -> tuple[float, str]:
    """Return the factor and unit that bring the largest of some numbers between 1 and 1000: (1e9, "nJ")
    for 3e-8 J.
    """
    if not (math.isfinite(largest) and largest != 0):
        return 1.0, unit
    power = math.floor(math.log10(float(f"{abs(largest):.2e}")) / 3) * 3
    power = min(max(power, min(PREFIXES)), max(PREFIXES))
    return 10.0**-power, PREFIXES[power] + unit


def digits(value: float, significant: int = 3) -> str:
    """Return a number to some significant digits, 1234 -> "1230", 0.00123 -> "0.00123"; exponents below
    1e-7.
    """
    if not math.isfinite(value):
        return "not finite"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{significant - 1}e}")
    places = significant - 1 - math.floor(math.log10(abs(rounded)))
    if places > 9:
        return f"{rounded:.{significant - 1}e}".replace("-", "−")
    text = f"{rounded:.{max(places, 0)}f}"
    return text.replace("-", "−")


def count(value: float) -> str:
    """Return a mean number of events, to a tenth: 10766.25 -> "10,766.2"."""
    return f"{value:,.1f}".removesuffix(".0") if math.isfinite(value) else "not finite"


def quantity(value: float, unit: str, significant: int = 3) -> str:
    """Return a quantity with the prefix that suits it: 3.21e-8, "J" -> "32.1 nJ"."""
    factor, name = prefixed(value, unit)
    return f"{digits(value * factor, significant)} {name}".rstrip()


def percent(share: float, places: int = 2) -> str:
    """Return a share as per cent: 0.9911 -> "99.11 %"."""
    if not math.isfinite(share):
        return "not finite"
    if 0 < 100 * share < 0.5 * 10.0**-places:
        return f"< {10.0**-places:.{places}f} %"
    return f"{100 * share:.{places}f} %".replace("-", "−")


def points(difference: float, places: int = 2) -> str:
    """Return a difference of two shares in percentage points, with its sign: -0.0021 -> "−0.21"."""
    text = f"{100 * difference:+.{places}f}"
    return (f"{0:.{places}f}" if float(text) == 0 else text).replace("-", "−")


def duration(seconds: float) -> str:
    """Return a time in the largest unit that it fills: 86400 -> "1 day", 5400 -> "1.5 hours"."""
    for length, name in TIMES:
        if seconds >= length:
            number = f"{round(seconds / length, 1):g}"
            if seconds >= 1000 * length:
                number = f"{float(f'{seconds / length:.2g}'):,.0f}"
            return f"{number} {name}{'' if number == '1' else 's'}"
    return f"{seconds:.3g} s"
