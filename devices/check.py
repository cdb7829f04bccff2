"""Numbers of a cell, checked when it is built."""

from typing import Any

MAX_STRENGTH = 10.0  #: largest factor on an effect [1]

BOLTZMANN = 8.617333262e-5  #: [eV / K]
LOWEST, HIGHEST = 200.0, 600.0  #: temperatures that one activation energy is trusted for [K]

FIRST = 10.0  #: shortest period of low-frequency noise that is followed from time to time, unless asked [s]
PERIODS = (10.0, 1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)  #: what can be asked for [s]


def check_period(value: float) -> float:
    """Return the value where it is one of PERIODS, else raise ValueError."""
    if value not in PERIODS:
        raise ValueError(f"{value:g} s: a power of ten from {PERIODS[-1]:g} to {FIRST:g} s is allowed")
    return value


def check(owner: Any, name: str = "", /, **allowed: tuple[float, float]) -> None:
    """Raise ValueError unless every named field of `owner` lies in its range, ends included; NaN does not."""
    for field, (low, high) in allowed.items():
        value = getattr(owner, field)
        if not low <= value <= high:
            raise ValueError(
                f"{name + ': ' if name else ''}{field}={value:g}: {low:g} to {high:g} is allowed"
            )


def check_temperature(kelvin: float, what: str = "temperature [K]") -> float:
    """Return a temperature from 200 to 600 K; raise ValueError for others."""
    if not LOWEST <= kelvin <= HIGHEST:
        slip = "; did you pass Celsius?" if kelvin < LOWEST else ""
        raise ValueError(
            f"{what} = {kelvin:g}: {LOWEST:g} to {HIGHEST:g} K is allowed where a cell changes with the"
            f" temperature{slip}"
        )
    return kelvin
