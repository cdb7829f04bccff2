"""Every event a ledger counts, declared once: its name, the component a report shows it under, its price.

A price comes from the parts of a technology card that the event happens in, from a chip card's own
``[prices.NAME]`` table, or from physics: then the joules come with the count.  An event that need not have a
price is listed as uncounted where a card gives none.  ``<...>`` in a name makes it a family.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache


@dataclass(frozen=True)
class Event:
    """Something that happens on a chip and costs energy."""

    name: str
    """Name, or a family: ``<bits>`` stands for a whole number, any other ``<...>`` for a word."""
    component: str
    """What a report shows it under."""
    parts: tuple[str, ...] = ()
    """Parts of a technology card it happens in, one after the other: they make its price."""
    physics: str = ""
    """What the joules are that are entered with it, instead of a price."""
    priced: bool = False
    """Whether a price serves where the physics is not known."""
    optional: bool = False
    """Whether it may have no price: then it is listed as uncounted."""

    @property
    def source(self) -> str:
        """Where its price comes from."""
        price = " and ".join(self.parts) or ("none, listed as uncounted" if self.optional else "a price")
        return self.physics or price

    @property
    def pattern(self) -> str:
        """The regular expression its names match."""
        words = re.split(r"(<[^>]+>)", self.name)
        return "".join(_placeholder(word) if word.startswith("<") else re.escape(word) for word in words)


def _placeholder(word: str) -> str:
    return "[0-9]+" if word == "<bits>" else r"[^\s<>]+"


ARRAY_READ, COLUMN_SECOND = "array-read", "column-second"
ARITHMETIC, NOTHING = "digital arithmetic", "not counted"
MOVING, LEAKAGE = "bus and router", "leakage"

SILENT_TIES, SILENT_PULSES = "pulses at silent ties", "pulses at silent tokens"
"""Notes: pulses where neither token spiked, and where not both did: what `silent = "no-pulse"` saves."""

DECLARED: dict[str, Event] = {}
"""Every event by its name."""


def declare(event: Event) -> Event:
    """Make an event known; ValueError for a name that is taken."""
    if event.name in DECLARED:
        raise ValueError(f"event {event.name!r} is declared already, under {DECLARED[event.name].component}")
    DECLARED[event.name] = event
    find.cache_clear()
    return event


@lru_cache(maxsize=4096)
def find(name: str) -> Event:
    """Return the event of that name, or the family it belongs to; ValueError with the nearest name for any
    other.
    """
    if name in DECLARED and "<" not in name:
        return DECLARED[name]
    for event in DECLARED.values():
        if "<" in event.name and re.fullmatch(event.pattern, name):
            return event
    near = get_close_matches(re.sub("[0-9]+", "<bits>", name), DECLARED, 1, 0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"no event {name!r}{hint} (known: {', '.join(DECLARED)})")


def known_event(name: str) -> bool:
    """Return whether something on a chip emits an event of that name."""
    try:
        find(name)
    except ValueError:
        return False
    return True


def component(name: str) -> str:
    """Return the component an event belongs to: ``adc-8b`` -> ``ADC``."""
    return find(name).component


def priced_by_parts() -> Iterator[Event]:
    """Return the events whose price is that of parts."""
    return (event for event in DECLARED.values() if event.parts)


for _event in (
    Event("row-drive", "row drivers", ("row-driver",)),
    Event("dac-conversion", "DAC", ("dac-8b",)),
    Event("adc-<bits>b", "ADC"),
    Event("sample-hold", "sample-and-hold", ("sample-hold",)),
    Event("shift-add", "shift-and-add", ("shift-add",)),
    Event("bus-bit", MOVING, ("bus-bit",)),  # a bit between buffer, tiles and adders of a layer
    Event("router-bit", MOVING, ("router-bit",)),  # a bit from one layer to the next
    Event(COLUMN_SECOND, LEAKAGE, (COLUMN_SECOND,)),  # a column's converter, powered for a second
    Event("bit-second", LEAKAGE, ("bit-second",)),  # a bit of SRAM, held for a second
    Event("adc-<bits>b-<arrays>", "ADC"),  # by ADCs that have an energy of their own
    Event(
        "column-hold",
        "sample-and-hold",
        physics="power of a sample-and-hold for as long as its column waits for the ADC it shares",
    ),
    Event(ARRAY_READ, "array reads", physics="sum of V^2 G t over the driven devices of this run"),
    Event(
        "pulse-<technology>",
        "attention pulses",
        physics="V^2 G t, the mean conductance before each pulse of this run",
        priced=True,
    ),
    Event(
        "half-select",
        "half-selected cells",
        physics="(V/2)^2 G t / k of the cells on driven lines, at rest; a quarter of a pulse's price / k",
    ),
    Event(
        "line-charge",
        "write lines",
        physics="C V^2 of every line driven, C from the technology's wires",
    ),
    Event("reset-<technology>", "attention resets"),
    Event("program-<technology>", "weight writes"),
    Event("neuron-step", "neurons", ("lif-step",)),
    Event("digital-add", ARITHMETIC, ("int16-add",)),
    Event("digital-mac", ARITHMETIC, ("int8-multiply", "int8-add")),
    Event("digital-multiply", ARITHMETIC, ("int8-multiply",)),
    Event("digital-compare", ARITHMETIC, ("int8-compare",)),
    Event("sop-ac", ARITHMETIC, ("fp32-add",)),
    Event("sop-mac", ARITHMETIC, ("fp32-multiply", "fp32-add")),
    Event("digital-function", NOTHING, optional=True),  # exp, tanh, a root, a quotient of two numbers
    Event("digital-scale", NOTHING, optional=True),  # times a plain number: folds into a scale beside it
    Event("aten.<operation>", NOTHING, optional=True),  # an operation of torch without a price
):
    declare(_event)
