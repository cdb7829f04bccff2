"""The numbers of a device card for people: siemens, volts and seconds, three digits, what each means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from memsim.devices.device_card import DeviceCard
from memsim.devices.toml_file import Section
from memsim.studies.reports.quantities import digits, quantity


class Number(NamedTuple):
    """A number of a cell."""

    name: str
    value: str
    meaning: str


def of_card(card: DeviceCard) -> tuple[list[Number], str]:
    """Return every number of a card, and what it takes as ideal."""
    tables = [*of_section(card.section), *(of_section(card.faults) if card.faults else ())]
    ideal = ", ".join(card.ideal_parts)
    return tables, f"ideal, as the card gives no number: {ideal}" if ideal else ""


def of_section(section: Section) -> Iterator[Number]:
    """Yield every field of a card's table that has a number or word of its own."""
    for name, info in type(section).model_fields.items():
        value = getattr(section, name)
        if value is None or value == info.default:
            continue
        unit = re.search(r"\[(.*)\]", info.alias or "")
        yield Number(name, shown(value, unit[1] if unit else ""), _meaning(info.description or ""))


def _meaning(text: str) -> str:
    """Return the first sentence of a field's description, without its unit."""
    return re.sub(r"\s*\[[^\]]*\]", "", " ".join(text.split()).split(". ")[0].split("; ")[0]).rstrip(".")


def shown(value: object, unit: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return ", ".join(shown(one, unit) for one in value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return quantity(value, unit) if unit else digits(value)
    return str(value)
