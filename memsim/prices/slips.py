"""Checks a user's technology card against memsim's: a factor of 10,000 is taken for a wrong prefix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from memsim.devices.toml_file import CardError
from memsim.prices.price import FACTOR

_KINDS = ("parts", "adc", "dram")
_ALL = "all of a kind"
_NUMBERS = (("energy", "energy [J]"), ("area", "area [m2]"))


def check_slips(card: Any, others: Iterable[Mapping[str, Any]], origin: str) -> None:
    """Raise CardError for an energy or area more than `FACTOR` away from those of memsim's own cards.

    A part is held against the parts of its name, a converter of an unknown name against all; others: fields
    of memsim's own cards, as their files have them.
    """
    usual: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for other in others:
        for kind in _KINDS:
            for name, fields in other.get(kind, {}).items():
                for _, key in _NUMBERS:
                    for of in (name, _ALL) if kind == "adc" else (name,):
                        usual[kind, of, key] += filter(None, _numbers(fields.get(key)))
    for kind in _KINDS:
        for name, part in getattr(card, kind).items():
            for field, key in _NUMBERS:
                known = usual[kind, name, key] or usual[kind, _ALL, key]
                for value in _numbers(getattr(part, field)):
                    if known and value and not min(known) / FACTOR <= value <= max(known) * FACTOR:
                        raise CardError(f"{origin}: {kind}.{name}.{key} = {value:g}: {_allowed(known)}")


def _allowed(known: list[float]) -> str:
    low, high = min(known), max(known)
    return (
        f"{low / FACTOR:.1e} to {high * FACTOR:.1e} is allowed, memsim's own cards have {low:.3g} to"
        f" {high:.3g}; was a prefix missed?"
    )


def _numbers(value: Any) -> list[float]:
    """Return the number or numbers of a field."""
    if value is None:
        return []
    return list(value.values()) if isinstance(value, Mapping) else [value]
