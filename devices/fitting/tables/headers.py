"""Parsing of headers: a name and, in brackets or after a slash, comma, underscore or "in", a unit.

conductance [S]   G (µS)   Time / h   resistance in kohm   V_pulse [V]   Pulse #   G_uS
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from memsim.devices.fitting.tables.units import Unit, unit_of

NAMES: dict[str, tuple[str, ...]] = {
    "device": ("device", "dev", "device id", "device name", "sample", "cell", "dut", "device number", "id",
               "bauteil", "probe", "zelle", "échantillon", "dispositif", "dispositivo", "器件"),
    "pulse": ("pulse", "pulses", "pulse index", "pulse count", "puls", "n pulse", "n pulses", "n",
              "impulsion", "pulso", "impulso", "脉冲"),
    "cycle": ("cycle", "run", "loop", "repetition", "zyklus", "ciclo", "循环"),
    "direction": ("direction", "dir", "polarity", "pulse type", "type", "operation", "op", "sign",
                  "richtung", "sens", "dirección", "direzione", "方向"),
    "voltage": ("voltage", "v", "pulse voltage", "pulse amplitude", "v pulse", "amplitude", "bias",
                "spannung", "tension", "tensión", "tensione", "电压"),
    "read voltage": ("read voltage", "v read", "vread", "u read", "sense voltage", "lesespannung"),
    "conductance": ("conductance", "g", "g read", "read back", "readback", "leitwert", "conductancia",
                    "conduttanza", "电导"),
    "resistance": ("resistance", "r", "r read", "widerstand", "résistance", "resistencia", "resistenza",
                   "电阻"),
    "current": ("current", "i", "i read", "iread", "read current", "strom", "lesestrom", "courant",
                "corriente", "corrente", "电流"),
    "time": ("time", "t", "time since write", "elapsed time", "delay", "wait", "zeit", "temps", "tiempo",
             "tempo", "时间"),
    "target": ("target", "g target", "target conductance", "conductance target", "set point", "setpoint"),
    "temperature": ("temperature", "temp", "t", "temperatur", "température", "temperatura", "温度"),
    "failure": ("cycles to failure", "failure cycle", "cycles at failure", "failed at", "cycles", "lifetime"),
    "failed": ("failed", "broken", "dead"),
}  # fmt: skip
"""Maps a quantity to names of its column, the most usual one first."""

DIMENSION = {
    "voltage": "voltage", "read voltage": "voltage", "conductance": "conductance",
    "resistance": "resistance", "current": "current", "time": "time",
    "target": "conductance", "temperature": "temperature",
}  # fmt: skip
"""Maps quantities that need a unit to its dimension; a target may also be a resistance."""

_DERIVED = re.compile(
    r"(^|[^a-z])(log|log10|lg|ln|delta|std|stdev|sd|sem|sigma|error|err|uncertainty|variance|change|dg|dr)"
    r"([^a-z]|$)|[δ∆σ±]"
)
_EITHER = {"conductance", "resistance"}
_BRACKETS = re.compile(r"^(?P<name>.*?)\s*[\[(](?P<unit>[^\])]*)[\])]\s*$")
_OTHERS = re.compile(r"^(?P<name>.+?)\s*(?P<sign>/|,|_|\sin\s|\s)\s*(?P<unit>(?:10\S*\s+)?[^\s/,_]+)$")


@dataclass(frozen=True)
class Header:
    """Parsed header, with quantity and unit if they are known."""

    text: str  #: text in the file
    name: str  #: name without unit
    quantity: str  #: "" if unknown
    rank: int  #: how usual the name is for the quantity; 0 is the most usual
    unit: Unit | None
    unit_text: str  #: text of the unit, "" if there is none

    @property
    def known(self) -> bool:
        """Whether the header names a known quantity."""
        return bool(self.quantity)


def parse(text: str) -> Header:
    """Parse a header; derived numbers, such as log10 G or a standard deviation, do not count as a
    quantity.
    """
    text = " ".join(text.split())
    if _DERIVED.search(text.lower()):
        return Header(text, text, "", 99, None, "")
    if match := _BRACKETS.match(text):
        name, unit_text = match["name"], match["unit"].strip()
        unit = unit_of(unit_text)
        quantity, rank = _quantity(name, unit)
        if unit is not None and (not quantity or {quantity, unit.dimension} == _EITHER):
            quantity, rank = unit.dimension, 99
        return Header(text, name or unit_text, quantity, rank, unit, unit_text)
    quantity, rank = _quantity(text, None)
    if not quantity and (match := _OTHERS.match(text)):
        unit = unit_of(match["unit"])
        quantity, rank = _quantity(match["name"], unit)
        if unit is not None and not quantity and match["sign"].strip() in ("/", "in"):
            quantity, rank = unit.dimension, 99
        if unit is not None and quantity and agrees(quantity, unit):
            return Header(text, match["name"], quantity, rank, unit, match["unit"])
        quantity, rank = "", 99
    return Header(text, text, quantity, rank, None, "")


def plain_name(text: str) -> str:
    """Return a name in lower case without separators and words for "number": "Pulse #" becomes "pulse"."""
    text = unicodedata.normalize("NFKC", text).lower()
    words = re.sub(r"[_\-.\s#:]+", " ", text).split()
    return " ".join(w for w in words if w not in ("no", "nr", "number", "num")) or text.strip()


def _quantity(name: str, unit: Unit | None) -> tuple[str, int]:
    """Return the quantity of a name and its rank; the unit decides ambiguous names, such as t in s or K."""
    plain = plain_name(name)
    found = [(q, names.index(plain)) for q, names in NAMES.items() if plain in names]
    if unit is not None:
        found = [one for one in found if agrees(one[0], unit) or one[0] not in DIMENSION] or found
    return min(found, key=lambda one: one[1], default=("", 99))


def agrees(quantity: str, unit: Unit) -> bool:
    """Return whether a quantity can have this unit."""
    return DIMENSION.get(quantity) == unit.dimension or (
        quantity == "target" and unit.dimension == "resistance"
    )
