"""Units of measured columns: S, ohm, s, V and A with any SI prefix, minutes to days, kelvin, Celsius."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple


class Unit(NamedTuple):
    """Unit of measurement: SI value = factor x value + offset."""

    dimension: str  #: conductance, resistance, time, voltage, current or temperature
    factor: float
    offset: float = 0.0


_EXACT = {
    "S": ("conductance", 1.0), "s": ("time", 1.0), "V": ("voltage", 1.0), "A": ("current", 1.0),
    "Ω": ("resistance", 1.0), "℧": ("conductance", 1.0),
    "min": ("time", 60.0), "h": ("time", 3600.0), "d": ("time", 86400.0), "K": ("temperature", 1.0),
}  # fmt: skip
_WORDS = {
    "siemens": ("conductance", 1.0), "mho": ("conductance", 1.0), "mhos": ("conductance", 1.0),
    "ohm": ("resistance", 1.0), "ohms": ("resistance", 1.0), "sec": ("time", 1.0), "secs": ("time", 1.0),
    "second": ("time", 1.0), "seconds": ("time", 1.0), "mins": ("time", 60.0), "minute": ("time", 60.0),
    "minutes": ("time", 60.0), "hr": ("time", 3600.0), "hrs": ("time", 3600.0), "hour": ("time", 3600.0),
    "hours": ("time", 3600.0), "day": ("time", 86400.0), "days": ("time", 86400.0), "volt": ("voltage", 1.0),
    "volts": ("voltage", 1.0), "v": ("voltage", 1.0), "ampere": ("current", 1.0), "amps": ("current", 1.0),
    "kelvin": ("temperature", 1.0),
}  # fmt: skip
_FAHRENHEIT = {"°f", "degf", "deg f", "fahrenheit"}
_CELSIUS = {"°c", "degc", "deg c", "celsius", "c"}
_PREFIX = {
    "a": 1e-18, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "μ": 1e-6, "m": 1e-3, "k": 1e3, "K": 1e3,
    "M": 1e6, "G": 1e9, "T": 1e12,
}  # fmt: skip
_PREFIX_WORD = {"femto": 1e-15, "pico": 1e-12, "nano": 1e-9, "micro": 1e-6, "milli": 1e-3, "kilo": 1e3,
                "mega": 1e6, "giga": 1e9}  # fmt: skip
_POWER = re.compile(
    r"^(?:1?\s*[x*·×]\s*)?(?:10\s*(?:\^\s*\(?([+-]?\d{1,2})\)?|([+-]\d{1,2}))|1?[eE]([+-]?\d{1,2}))"
    r"\s*[x*·×]?\s*(\S+)$"
)


def unit_of(text: str) -> Unit | None:
    """Return the unit named by a text, such as "uS", "kΩ", "nanosiemens", "10^-6 S", "min", "°C", or None."""
    text = unicodedata.normalize("NFKC", text).replace("−", "-").strip()
    if power := _POWER.match(text):
        inner = unit_of(power[4])
        exponent = int(power[1] or power[2] or power[3])
        return inner and inner._replace(factor=inner.factor * 10.0**exponent)
    if text.lower() in _CELSIUS:
        return Unit("temperature", 1.0, 273.15)
    if text.lower() in _FAHRENHEIT:
        return Unit("temperature", 5 / 9, 273.15 - 32 * 5 / 9)
    if quotient := _quotient(text):
        return quotient
    if plain := _EXACT.get(text) or _WORDS.get(text.lower()):
        return Unit(*plain)
    for word, factor in _PREFIX_WORD.items():
        if text.lower().startswith(word) and (base := _WORDS.get(text[len(word) :].lower())):
            return Unit(base[0], factor * base[1])
    base = _EXACT.get(text[1:]) or _WORDS.get(text[1:].lower())
    if text[:1] not in _PREFIX or base is None or base[1] != 1.0 or base[0] == "temperature":
        return None
    return Unit(base[0], _PREFIX[text[0]])


def _quotient(text: str) -> Unit | None:
    """Return the unit of a quotient that is a conductance: A/V and 1/ohm, each with its prefixes, or None."""
    above, slash, below = (part.strip() for part in text.partition("/"))
    if not slash or "/" in below:
        return None
    over = unit_of(below)
    if above == "1" and over is not None and over.dimension == "resistance":
        return Unit("conductance", 1.0 / over.factor)
    top = unit_of(above) if above else None
    if top is None or over is None or (top.dimension, over.dimension) != ("current", "voltage"):
        return None
    return Unit("conductance", top.factor / over.factor)
